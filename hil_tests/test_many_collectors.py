"""Several collectors share the publishers of a city on InfluxDB; one is killed, one joins, and nothing is lost."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from sys import executable
from typing import Any

import pytest

from edge.config import load
from edge.outbox import open_outbox
from edge.uplink import Uplink
from hil_tests.instruments import broker, influx
from hil_tests.instruments.client import connected
from hil_tests.instruments.process import Program, answers, free_port, free_ports, wait_until
from hil_tests.judging import verdict
from hil_tests.judging.door import Door, opened
from provisioning.authority import Authority
from provisioning.broker import port_of
from provisioning.broker import write as write_rights
from provisioning.inventory import Inventory, Thing
from provisioning.quickstart import Ports, quickstart

CITY = "koper"
COLLECTORS = ("collector", "collector-2", "collector-3")
GATEWAYS = tuple(f"gw-{number:04}" for number in range(1, 7))
PAUSE = 0.05  # s between two messages of a gateway
READINGS = 3  # per message
DRAINED = 150.0  # s: what was on its way to the one that died is repeated after 20 s, then after 40


class City:
    """A broker, InfluxDB, and what several collectors need; ``start`` starts one of them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        quickstart(directory, CITY, "mosquitto", Ports(free_port()), "memory:")
        self._provision()
        self.programs = {"broker": broker.start("mosquitto", directory, directory / "broker.log")}
        self.programs["influxdb"], self.store = influx.start(directory / "influxdb", directory / "influxdb.log")
        self._door: Door | None = None
        self.ports = dict(zip(COLLECTORS, free_ports(len(COLLECTORS)), strict=True))

    def _provision(self) -> None:
        authority, inventory = Authority(self.directory), Inventory(self.directory / "inventory.toml")
        for name in COLLECTORS[1:]:
            authority.issue(name, "collector")
        for name in GATEWAYS:
            authority.issue(name, "gateway")
            names = dict.fromkeys(("sl", "it", "en"), name)
            inventory.add_thing(Thing(thing_of(name), names, (13.7, 45.5), "energy", "restricted"))
            inventory.add_publisher(name, "gateway", [thing_of(name)])
        write_rights(self.directory, CITY, port_of(self.directory))

    def start(self, name: str) -> None:
        file = self.directory / f"{name}.toml"
        file.write_text(f"""city = "{CITY}"
data = "data-{name}"
[broker]
kind = "external"
port = {port_of(self.directory)}
share = "collectors"
client_id = "{name}"
certificate = "certificates/{name}.pem"
key = "certificates/{name}.key"
[store]
url = "{self.store}"
[metadata]
url = "sqlite:{self.directory}/registry.sqlite"
[http]
port = {self.ports[name]}
""")
        program = Program(name, [executable, "-m", "collector", "--config", file], self.directory / f"{name}.log")
        self.programs[name] = program
        program.start()
        wait_until(lambda: "receiving from" in program.last_lines(50), f"{name} receives: {program.log}", 120)
        wait_until(lambda: answers(self.ports[name]), f"{name} serves: {program.log}")

    def ask(self, name: str, path: str) -> Any:
        text = self.door(name).get(path).raise_for_status().text
        return json.loads(text) if path.startswith("/api") else text

    def door(self, name: str) -> Door:
        """One token for all of them: they share their registry."""
        url = f"http://127.0.0.1:{self.ports[name]}"
        if self._door is None:
            self._door = opened(url, self.directory / f"{name}.toml")
        return self._door._replace(url=url)

    def stop(self) -> None:
        for program in reversed(self.programs.values()):
            program.stop()


def thing_of(gateway: str) -> str:
    return gateway.replace("gw", "meter")


class Gateway:
    """The outbox and the uplink of a real gateway around readings that are made up; ``sent`` is what they were."""

    def __init__(self, city: City, name: str) -> None:
        self.name = name
        self.sent: dict[int, float] = {}  # at -> value
        file = city.directory / f"{name}.toml"
        file.write_text(f"""city = "{CITY}"
publisher = "{name}"
outbox = "{name}.sqlite"
clock = "host"
[broker]
port = {port_of(city.directory)}
ca = "ca/ca.pem"
certificate = "certificates/{name}.pem"
key = "certificates/{name}.key"
[[line]]
name = "unused"
kind = "mbus"
port = "{city.directory}/unused"
meter = [{{ thing = "{thing_of(name)}", primary_address = 1, period = 60 }}]
""")
        config = load(file)
        self.outbox = open_outbox(config.outbox, config.outbox_limit)
        self.uplink = Uplink(config, self.outbox)

    async def measure(self, until: Callable[[], bool]) -> None:
        """As fast as the pause allows; no two readings have the same time."""
        at, count = time.time_ns() // 1_000_000, 0
        while not until():
            readings = []
            for _ in range(READINGS):
                at, count = max(at + 1, time.time_ns() // 1_000_000), count + 1
                self.sent[at] = count / 8
                readings.append({"thing": thing_of(self.name), "at": at, "values": {"energy": count / 8}})
            assert self.outbox.append(readings) is not None
            self.uplink.wake()
            await asyncio.sleep(PAUSE)

    @property
    def is_drained(self) -> bool:
        return self.outbox.counts().unreceived == 0


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    city = City(tmp_path / "city")
    yield city
    city.stop()


@pytest.fixture
async def gateways(city: City) -> AsyncIterator[list[Gateway]]:
    gateways = [Gateway(city, name) for name in GATEWAYS]
    tasks = [asyncio.create_task(one.uplink.run()) for one in gateways]
    yield gateways
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for one in gateways:
        one.outbox.close()


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_one_of_several_is_killed_and_every_value_is_stored_once(city: City, gateways: list[Gateway]) -> None:
    for name in COLLECTORS[:2]:
        await asyncio.to_thread(city.start, name)
    is_over = False
    measuring = [asyncio.create_task(one.measure(lambda: is_over)) for one in gateways]
    await asyncio.sleep(8)
    await asyncio.to_thread(city.start, COLLECTORS[2])
    await asyncio.sleep(8)
    await asyncio.to_thread(city.programs["collector-2"].kill)
    await seconds_until(lambda: says_here(city), 60)
    received = {name: messages_received(city, name) for name in ("collector", "collector-3")}
    await asyncio.sleep(12)
    for name, before in received.items():
        assert messages_received(city, name) > before + 100, f"{name} goes on"
    is_over = True
    await asyncio.gather(*measuring)
    drained = await seconds_until(lambda: all(one.is_drained for one in gateways), DRAINED)

    survivors = ("collector", "collector-3")
    sent = sum(len(one.sent) for one in gateways)
    messages = {one.name: one.outbox.counts().next_seq - 1 for one in gateways}
    print(f"{sent} values in {sum(messages.values())} messages; every outbox drained {drained:.0f} s after the last")
    for name in survivors:
        judge(city, name, gateways)
        ledger_is_right(city, name, messages)
    city.programs["collector"].kill()
    await seconds_until(lambda: says_here(city), 60)
    city.programs["collector-3"].kill()
    await seconds_until(lambda: not says_here(city), 60)


def says_here(city: City) -> bool:
    """What a publisher is told that comes now: whether a collector is there."""
    with connected(city.directory, "reader") as (reader,):
        reader.subscribe(f"{CITY}/v1/collector/state")
        _, state = [reader.received.get(timeout=60), *reader.everything(0.3)][-1]
    return bool(json.loads(state)["online"])


def messages_received(city: City, name: str) -> int:
    lines = city.ask(name, "/metrics").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("senzorika_messages_received_total ")))


def judge(city: City, collector: str, gateways: list[Gateway]) -> None:
    """The public API of this collector against what was sent, value by value."""
    found = verdict.fetch(city.door(collector), map(thing_of, GATEWAYS))
    for gateway in gateways:
        stored = found[thing_of(gateway.name), "energy"]
        assert len(stored) == len({one.at for one in stored}), "nothing twice"
        assert {one.at: one.value for one in stored} == gateway.sent, f"{gateway.name}, asked of {collector}"


def ledger_is_right(city: City, collector: str, messages: dict[str, int]) -> None:
    """Stored is what was sent, and nothing is missing, held or dropped."""
    rows = {row["publisher"]: row for row in city.ask(collector, "/api/ledger")["outboxes"]}
    for gateway, count in messages.items():
        row = rows[gateway]
        assert row["stored"] == [[1, count]], row
        assert (row["missing"], row["quarantined"], row["dropped"], row["tail"]) == ([], [], [], "open")


async def seconds_until(is_true: Callable[[], bool], limit: float) -> float:
    begun = time.monotonic()
    while not is_true():
        assert time.monotonic() - begun < limit, "not in time"
        await asyncio.sleep(0.1)
    return time.monotonic() - begun
