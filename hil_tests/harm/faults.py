"""What can befall a city, and how does each end? Every fault is a context manager that undoes what it did.

It takes the city and the targets that it is meant for: devices and their wires. One that befalls the whole city takes
no notice of them. What the judge must know of it, it adds to the city's events.
"""

import json
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Literal

from hil_tests.cities.city import DATA, VirtualCity
from hil_tests.harm import identity
from hil_tests.harm.targets import ON_MBUS, ON_MODBUS, PARKING, TARGETS, Target, publishers
from hil_tests.instruments.disturbance import disturbed
from hil_tests.instruments.fast_time import REAL
from hil_tests.judging.events import Disturbed, Stepped

Befall = Callable[[VirtualCity, Sequence[Target]], AbstractContextManager[None]]
LASTS = 13.0  # s of a fault of the matrix: within, each thing is read
BEHIND = -90_000  # ms
AHEAD = 3_600_000  # ms
NOISE = 0.03  # of characters
ALONE = 5.0  # s
LATE = 2.2  # s: more than a gateway waits for an answer


Shows = Literal["", "waits", "dies", "silent", "behind", "ahead"]
"""What is given waits; its device died; what was hit gave nothing; stamps stand still; the known time is ahead."""


@dataclass(frozen=True)
class Fault:
    befall: Befall
    targets: tuple[Target, ...] = TARGETS
    """Whom it can befall."""
    why: str = ""
    """Why not the others."""
    needs: str = ""
    """``disk``: small disks, so root; ``influx``: a city whose store is a process of its own."""
    is_of_devices: bool = True
    """Whether it befalls its targets, and not the whole city."""
    shows: Shows = ""
    """By what a city shows that it was there."""
    limit: float = 90.0
    """s from its end until everything is there."""


# ---- programs -------------------------------------------------------------------------------------------------------


@contextmanager
def killed(city: VirtualCity, *names: str) -> Iterator[None]:
    """``kill -9``: nothing is flushed, nobody is told. At the end they are started again, the first one first."""
    with ExitStack() as undo:
        for name in reversed(names):
            city.down(name)
            undo.callback(city.up, name)
        yield


@contextmanager
def frozen(city: VirtualCity, name: str) -> Iterator[None]:
    """It stands still with all its connections open."""
    program = city.programs[name]
    program.freeze()
    try:
        yield
    finally:
        program.thaw()


@contextmanager
def server_restarted(city: VirtualCity, _targets: Sequence[Target]) -> Iterator[None]:
    """The collector goes first; what the broker took for it meanwhile, the broker may forget when it is killed, too."""
    with killed(city, "collector"):
        yield
        city.kill("broker")


@contextmanager
def server_hung(city: VirtualCity, _targets: Sequence[Target]) -> Iterator[None]:
    """Nobody is told that the collector stands still; then the broker is killed with all it took for it."""
    with frozen(city, "collector"):
        yield
        city.kill("broker")


@contextmanager
def network_deaf(city: VirtualCity, _targets: Sequence[Target]) -> Iterator[None]:
    """What devices say arrives, no answer does, and in the end their connections die of it."""
    with city.network.deaf():
        yield
        city.network.tear()


# ---- devices --------------------------------------------------------------------------------------------------------


def power_cut(city: VirtualCity, targets: Sequence[Target]) -> AbstractContextManager[None]:
    """Of the device: its reading that was being taken may be gone, and no other."""
    return killed(city, *publishers(targets))


@contextmanager
def power_cut_alone(city: VirtualCity, targets: Sequence[Target]) -> Iterator[None]:
    """Of devices that could not reach anyone for some seconds: what they measured is nowhere but in their outboxes."""
    with city.network.cut():
        time.sleep(ALONE)
        with power_cut(city, targets):
            city.network.tear()  # what was on its way is gone with them
            yield


@contextmanager
def brown_out(city: VirtualCity, targets: Sequence[Target]) -> Iterator[None]:
    """Power comes and goes, at moments of which some are in the midst of a write."""
    chance = random.Random(len(city.events))
    for _ in range(3):
        with power_cut(city, targets):
            time.sleep(chance.uniform(0.05, 0.4))
        time.sleep(chance.uniform(0.3, 1.5))
    yield


@contextmanager
def clock_behind(city: VirtualCity, targets: Sequence[Target]) -> Iterator[None]:
    """Of the device: a gateway's steps back while it runs, a node starts with one that was told the wrong time."""
    begun = REAL.now_ms()
    try:
        with ExitStack() as undo:
            for name in publishers(targets):
                file = city.plan.directory / name / "node.json"
                undo.enter_context(_started_behind(city, name) if file.exists() else clock_off(city, name, BEHIND))
            yield
    finally:
        city.events += [Stepped(name, begun, REAL.now_ms()) for name in publishers(targets)]


@contextmanager
def _started_behind(city: VirtualCity, name: str) -> Iterator[None]:
    file = city.plan.directory / name / "node.json"
    text = file.read_text()
    settings = json.loads(text)
    settings["hal"]["clock"] = {"speed": 1, "real_ms": 0, "simulated_ms": BEHIND}
    try:
        with killed(city, name):
            file.write_text(json.dumps(settings))
        yield
    finally:
        with killed(city, name):
            file.write_text(text)


@contextmanager
def clock_off(city: VirtualCity, name: str, offset: int) -> Iterator[None]:
    """Of a program of ours, by so many ms; its steady clock goes on."""
    file = city.clock_of(name)
    new = file.with_suffix(".new")
    new.write_text(str(offset))
    new.replace(file)
    try:
        yield
    finally:
        file.unlink()


@contextmanager
def flash_full(city: VirtualCity, targets: Sequence[Target]) -> Iterator[None]:
    """Of the device: what finds no room is counted as dropped, and the ledger knows it."""
    things = {thing for thing, publisher in city.publishers.items() if publisher in publishers(targets)}
    with _excused(city, things), ExitStack() as undo:
        for name in publishers(targets):
            undo.callback(city.disks[name].make_room)
            city.disks[name].fill()
        yield


# ---- wires ----------------------------------------------------------------------------------------------------------


def _on_wires(how: Mapping[str, object], *, one_thing: bool = False) -> Befall:
    """The wire of each target is disturbed; with ``one_thing`` a single thing on it."""

    @contextmanager
    def befall(city: VirtualCity, targets: Sequence[Target]) -> Iterator[None]:
        hit = {thing for target in targets for thing in _hit(city, target, one_thing=one_thing)}
        how_each = {one.one if one_thing else one.wire: how for one in targets}
        with _excused(city, hit), disturbed(city.disturbances, **how_each):
            yield

    return befall


@contextmanager
def answers_late(city: VirtualCity, targets: Sequence[Target]) -> Iterator[None]:
    """Of one meter on each line, some: they meet the questions to others, or its own next one.

    What a meter said late, it gave all the same; whoever takes it for the answer to another question, has it wrong.
    """
    things = {thing for target in targets for thing in target.things} & set(city.publishers)
    how = {one.one: {"late": LATE, "late_share": 0.25} for one in targets}
    with _excused(city, things, int(LATE * 1000)), disturbed(city.disturbances, **how):
        yield


@contextmanager
def _excused(city: VirtualCity, things: Iterable[str], settles: int = 0) -> Iterator[None]:
    """What is given of these meanwhile, and ``settles`` ms longer, may be missing; the judge is told in any case."""
    begun = REAL.now_ms()
    try:
        yield
    finally:
        ended = REAL.now_ms() + settles
        city.events += [Disturbed(thing, begun, ended) for thing in sorted(things)]


def _hit(city: VirtualCity, target: Target, *, one_thing: bool) -> set[str]:
    """The things whose readings a disturbance of this target touches."""
    if one_thing or not target.is_gateway:
        return {target.one}
    return set(target.things) & set(city.publishers)


# ---- all ------------------------------------------------------------------------------------------------------------


def _city_wide(befall: Callable[[VirtualCity], AbstractContextManager[None]], shows: Shows, needs: str = "") -> Fault:
    return Fault(lambda city, _targets: befall(city), needs=needs, is_of_devices=False, shows=shows)


@contextmanager
def disk_full(city: VirtualCity) -> Iterator[None]:
    """Of the collector: it stops taking readings, and acknowledges none."""
    disk = city.disks[DATA]
    try:
        disk.fill()
        yield
    finally:
        disk.make_room()


_BUSES = (ON_MBUS, ON_MODBUS)
_NO_BUS = "its sensor is on no bus"
_ON_WIRES = 45.0  # s
FAULTS: Mapping[str, Fault] = {
    "broker killed": _city_wide(lambda city: killed(city, "broker"), "waits"),
    "broker frozen": _city_wide(lambda city: frozen(city, "broker"), "waits"),
    "collector killed": _city_wide(lambda city: killed(city, "collector"), "waits"),
    "collector frozen": _city_wide(lambda city: frozen(city, "collector"), "waits"),
    "collector's disk": _city_wide(disk_full, "waits", "disk"),
    "server restarted": Fault(server_restarted, is_of_devices=False, shows="waits"),
    "server hung": Fault(server_hung, is_of_devices=False, shows="waits"),
    "store killed": _city_wide(lambda city: killed(city, "influxdb"), "", "influx"),
    "store frozen": _city_wide(lambda city: frozen(city, "influxdb"), "", "influx"),
    "network cut": _city_wide(lambda city: city.network.cut(), "waits"),
    "network deaf": Fault(network_deaf, is_of_devices=False),
    "network closed": _city_wide(lambda city: city.network.closed(), "waits"),
    "network slow": _city_wide(lambda city: city.network.slow(0.4, 8_000), ""),
    "network corrupt": _city_wide(lambda city: city.network.corrupt(0.1), ""),
    "power cut": Fault(power_cut, shows="dies"),
    "power cut alone": Fault(power_cut_alone, shows="dies"),
    "brown-out": Fault(brown_out, shows="dies"),
    "clock behind": Fault(clock_behind, shows="behind"),
    "flash full": Fault(flash_full, needs="disk"),
    "certificate expired": Fault(identity.expired, shows="waits"),
    "certificate revoked": Fault(identity.revoked, shows="waits"),
    "rights lost": Fault(identity.rights_lost, shows="waits"),
    "line noise": Fault(
        _on_wires({"noise": NOISE}), (PARKING, *_BUSES), "a reed contact has no characters", limit=_ON_WIRES
    ),
    "line cut": Fault(_on_wires({"is_silent": True}), shows="silent", limit=_ON_WIRES),
    "line short": Fault(_on_wires({"is_short": True}), _BUSES, _NO_BUS, shows="silent", limit=_ON_WIRES),
    "device dead": Fault(
        _on_wires({"is_silent": True}, one_thing=True), _BUSES, _NO_BUS, shows="silent", limit=_ON_WIRES
    ),
    "answers late": Fault(answers_late, _BUSES, _NO_BUS, limit=_ON_WIRES),
    # Last: when something became known never goes back, so for an hour it says no more what waited.
    "collector's clock": _city_wide(lambda city: clock_off(city, "collector", AHEAD), "ahead"),
}
