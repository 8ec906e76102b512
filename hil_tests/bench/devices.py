"""What can a test do with the devices of a rig, virtual or soldered? Ask the city, and use the instruments at them."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from hil_tests.bench.city import LINES, virtual_city
from hil_tests.bench.file import Rig
from hil_tests.bench.logs import Logs
from hil_tests.bench.nouns import CollectorEntry, NodeEntry
from hil_tests.cities.city import VirtualCity
from hil_tests.harm.faults import FAULTS
from hil_tests.harm.targets import Target
from hil_tests.instruments.console import Console
from hil_tests.instruments.current import CurrentMeter
from hil_tests.instruments.drivers import Place
from hil_tests.instruments.power import Power
from hil_tests.instruments.process import BenchError, wait_until
from hil_tests.instruments.stimulus import Stimulus
from hil_tests.judging.door import Door


class Bench:
    """Running. ``door`` asks the collector; the instruments stand by what they are at."""

    def __init__(self, rig: Rig, door: Door, found: Mapping[str, Mapping[str, Any]], city: VirtualCity | None) -> None:
        self.rig = rig
        self.door = door
        self.power: Mapping[str, Power] = found.get("power", {})
        self.console: Mapping[str, Console] = found.get("console", {})
        self.current: Mapping[str, CurrentMeter] = found.get("current", {})
        self._stimuli: Mapping[str, Stimulus] = found.get("stimulus", {})
        self._shown: set[str] = set()
        self.logs = Logs(self.console)
        self._city = city

    def restore(self) -> None:
        """Whatever a test has switched off is on again, whatever it has shown is gone; BenchError when it can't be."""
        failed = []
        undoing: list[Callable[[], None]] = [partial(_switched_on, one) for one in self.power.values()]
        for undo in undoing + self._rests():
            try:
                undo()
            except BenchError as error:  # the others are made good all the same
                failed.append(str(error))
        if failed:
            raise BenchError(f"rig {self.rig.name} is not as it was: {'; '.join(failed)}")

    def _rests(self) -> list[Callable[[], None]]:
        shown, self._shown = self._shown, set()
        return [self._stimuli[key].rest for key in sorted(shown)]

    def stimulus(self, key: str) -> Stimulus:
        """Of ``<node>.<wire>``."""
        self._shown.add(key)
        return self._stimuli[key]

    @property
    def city(self) -> VirtualCity:
        """Only where the rig is virtual: a test that needs it says so with ``needs("truth")``."""
        if self._city is None:
            raise BenchError(f"rig {self.rig.name}: there is no virtual city")
        return self._city

    @contextmanager
    def befallen(self, fault: str, node: NodeEntry | None = None) -> Iterator[None]:
        """Until the block ends; with ``node`` it befalls this one, where it is a fault of devices.

        For a test that ``needs("faults")``; BenchError for a fault that there is not, or not on this rig.
        """
        chosen = FAULTS.get(fault)
        if chosen is None:
            raise BenchError(f"there is no fault {fault}: {', '.join(FAULTS)}")
        if chosen.needs or chosen.is_of_devices != (node is not None):
            needs = chosen.needs or ("a node" if chosen.is_of_devices else "no node: it befalls all")
            raise BenchError(f"rig {self.rig.name}: {fault} needs {needs}")
        hit = [Target(node.kind, node.name, node.thing, node.thing, frozenset((node.thing,)))] if node else []
        with chosen.befall(self.city, hit):
            yield

    def node(self, name: str) -> NodeEntry:
        return next(one for one in self.rig.node if one.name == name)

    @property
    def metered(self) -> list[str]:
        """Every thing that a gateway of the rig measures."""
        if self.rig.is_virtual:
            return [one.thing.id for line in self.rig.line for one in LINES[line.name]]
        lines = [meter.thing for line in self.rig.line for meter in line.config.meter]
        return lines + [meter.thing for receiver in self.rig.receiver for meter in receiver.config.meter]

    def last(self, thing: str, quantity: str = "") -> tuple[int, float | str] | None:
        """(at in ms UTC, value) of the newest observation, of any quantity when none is named."""
        named = {"thing": thing, **({"quantity": quantity} if quantity else {})}
        answer = self.door.get("/api/last.json", **named)
        if not answer.is_success:
            return None
        found = [(block["at"][0], block["value"][0]) for block in answer.json()["blocks"] if block["at"]]
        return max(found, key=lambda one: one[0], default=None)

    def wait_for_news(self, node: NodeEntry, after: int, seconds: float) -> float:
        """Seconds until the collector shows something of the node's thing from after that time (ms UTC).

        BenchError when it does not in time.
        """
        return self.wait_for(node.thing, node.quantity, after, seconds)

    def wait_for(self, thing: str, quantity: str, after: int, seconds: float) -> float:
        began = time.monotonic()

        def came() -> bool:
            found = self.last(thing, quantity)
            return found is not None and found[0] > after

        wait_until(came, f"{thing} says {quantity or 'something'}", seconds, 0.05)
        return time.monotonic() - began


def _switched_on(switch: Power) -> None:
    if switch.is_on is not True:
        switch.on()


@contextmanager
def running(rig: Rig) -> Iterator[Bench]:
    """The bench of a rig that is whole; a virtual one is built and gone at the end."""
    with ExitStack() as stack:
        city = stack.enter_context(virtual_city(rig)) if rig.is_virtual else None
        door = city.door if city else _door_of(rig.collector)
        found: dict[str, dict[str, Any]] = defaultdict(dict)
        for noun, _, one in rig.instruments:
            found[noun][one.key] = stack.enter_context(one.chosen.opened(Place(one.node, city, one.wire)))
        bench = Bench(rig, door, found, city)
        bench.restore()  # a run that was killed may have left something off
        yield bench


def _door_of(collector: CollectorEntry) -> Door:
    token = collector.token_file.read_text().strip() if collector.token_file else ""
    return Door(collector.url, token)
