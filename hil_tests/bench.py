"""What can a test do with the devices of a rig, virtual or soldered? Ask the city, and switch a device off and on."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from typing import Protocol

from hil_tests.city import Plan, VirtualCity
from hil_tests.door import Door
from hil_tests.instruments.process import BenchError, free_ports, wait_until
from hil_tests.koper import NODES
from hil_tests.rig import NodeEntry, PowerEntry, Rig
from provisioning.broker import Kind
from provisioning.quickstart import Ports


class Power(Protocol):
    def off(self) -> None:
        """The device is without power when this returns."""

    def on(self) -> None: ...


class Bench:
    """Running. ``door`` asks the collector, ``power`` has a switch for each node that has one."""

    def __init__(self, rig: Rig, door: Door, power: dict[str, Power], city: VirtualCity | None) -> None:
        self.rig = rig
        self.door = door
        self.power = power
        self._city = city

    @property
    def city(self) -> VirtualCity:
        """Only where the rig is virtual: a test that needs it says so with ``needs("truth")``."""
        if self._city is None:
            raise BenchError(f"rig {self.rig.name}: there is no virtual city")
        return self._city

    def last(self, thing: str, quantity: str) -> tuple[int, float | str] | None:
        """(at in ms UTC, value) of the newest observation."""
        answer = self.door.get("/api/last.json", thing=thing, quantity=quantity)
        if not answer.is_success:
            return None
        blocks = answer.json()["blocks"]
        return (blocks[0]["at"][0], blocks[0]["value"][0]) if blocks and blocks[0]["at"] else None

    def wait_for_news(self, node: NodeEntry, after: int, seconds: float) -> float:
        """Seconds until the collector shows something of the node's thing from after that time (ms UTC).

        BenchError when it does not in time.
        """
        began = time.monotonic()

        def came() -> bool:
            found = self.last(node.thing, node.quantity)
            return found is not None and found[0] > after

        wait_until(came, f"{node.name} says {node.quantity}", seconds, 0.05)
        return time.monotonic() - began


@contextmanager
def running(rig: Rig) -> Iterator[Bench]:
    """The bench of a rig that is whole; a virtual one is built and gone at the end."""
    if not rig.is_virtual:
        collector = rig.collector
        token = collector.token_file.read_text().strip() if collector.token_file else ""
        yield Bench(rig, Door(collector.url, token), {one.node: _Switch(one) for one in rig.power}, None)
        return
    known = {one.publisher: one for one in NODES}
    if missing := [one.name for one in rig.node if one.name not in known]:
        raise BenchError(f"rig {rig.name}: the virtual Koper has no node {' '.join(missing)}")
    directory = Path(tempfile.mkdtemp(prefix="senzorika-rig-"))
    nodes = tuple(known[one.name] for one in rig.node)
    broker: Kind = "mosquitto" if rig.broker.driver == "mosquitto" else "nats"
    plan = Plan(directory / "city", Ports(*free_ports(2)), broker, rig.collector.store, nodes=nodes, with_meters=False)
    city = VirtualCity(plan)
    try:
        city.start()
        yield Bench(rig, city.door, {one.node: _Plug(city, one.node) for one in rig.power}, city)
    finally:
        city.stop()
        rmtree(directory, ignore_errors=True)


class _Plug:
    """Of a virtual node: what it had not written is gone."""

    def __init__(self, city: VirtualCity, name: str) -> None:
        self._city = city
        self._name = name

    def off(self) -> None:
        self._city.down(self._name)

    def on(self) -> None:
        self._city.up(self._name)


class _Switch:
    """By a command: a relay over Modbus, a hub, a supply."""

    def __init__(self, entry: PowerEntry) -> None:
        self._entry = entry

    def off(self) -> None:
        self._do(self._entry.off)

    def on(self) -> None:
        self._do(self._entry.on)

    def _do(self, command: tuple[str, ...]) -> None:
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=20)
        except (OSError, subprocess.SubprocessError) as error:
            raise BenchError(f"power of {self._entry.node}: {' '.join(command)}: {error}") from None
