"""``make matrix``: every fault against every kind of device on both brokers, judged by what the sensors gave.

A city lives through one fault after the other. For each, the table says how many values the sensors of each kind of
device gave from its begin on, and how many of these waited for its end; how many of all they ever gave are missing,
repeated or wrong in the public API; how many messages the ledger misses; and how long it took after the fault had ended
until all was there. Excused is what was given over a wire that was disturbed, to a device that lost its power, or to
one that had no room and declared it.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path

from hil_tests import verdict
from hil_tests.bites import BITES
from hil_tests.city import DATA, Plan, VirtualCity
from hil_tests.comparison import compare
from hil_tests.faults import FAULTS, LASTS
from hil_tests.instruments.broker import KINDS
from hil_tests.instruments.fast_time import REAL
from hil_tests.instruments.process import BenchError, free_ports, wait_until
from hil_tests.targets import OTHERS_SENSOR, TARGETS, Target, publishers
from provisioning.broker import Kind
from provisioning.quickstart import Ports

CALM = 3.0  # s of traffic before a fault
LIMIT = 120.0  # s from the end of a fault until everything is there
SHORT = 30.0  # s in which a city without a protection would be whole again, if it could
SMALL_DISKS = (DATA, *publishers(TARGETS))


@dataclass(frozen=True)
class Cell:
    broker: str
    fault: str
    device: str
    given: int
    waited: int
    """Of these, how many came only after the fault; 0 where the store does not keep when."""
    missing: int
    excused: int
    repeated: int
    wrong: int
    holes: int
    """Messages of its publishers that the ledger misses."""
    recovery: float
    """s; ``LIMIT`` and more: it did not recover in time."""

    @property
    def agrees(self) -> bool:
        bad = self.missing or self.repeated or self.wrong or self.holes
        return not bad and self.given > 0 and self.recovery < LIMIT


def can_fill_disks() -> bool:
    """Small disks are mounted by root alone."""
    return os.geteuid() == 0


def possible(names: Sequence[str]) -> list[str]:
    """Those of these faults that can be here."""
    return [name for name in names if can_fill_disks() or FAULTS[name].needs != "disk"]


def run(broker: Kind, faults: Sequence[str], directory: Path) -> list[Cell]:
    """One city for each store that a fault needs, one fault after the other; raises BenchError."""
    cells = []
    for store in ("duckdb", "influx"):
        several = [name for name in faults if (FAULTS[name].needs == "influx") == (store == "influx")]
        if several:
            disks = SMALL_DISKS if any(FAULTS[name].needs == "disk" for name in several) else ()
            ports = Ports(*free_ports(2))
            plan = Plan(directory / f"{broker}-{store}", ports, broker, store, can_fail=True, small_disks=disks)
            cells += _live_through(VirtualCity(plan), several)
    return cells


def run_without(protection: str, directory: Path, limit: float = SHORT, *, is_on: bool = False) -> list[Cell]:
    """The fault that needs this protection, in a city that does without; with ``is_on``, in the same one with it."""
    bite = BITES[protection]
    without = None if is_on else (bite.program, protection)
    plan = Plan(
        directory / protection, Ports(*free_ports(2)), bite.broker, can_fail=True, without=without, modbus=bite.modbus
    )
    if bite.device == OTHERS_SENSOR.name:
        plan = replace(plan, with_others=True)
    return _live_through(VirtualCity(plan), [bite.fault], lasts=bite.lasts, limit=limit)


def _live_through(
    city: VirtualCity, faults: Sequence[str], *, lasts: float = LASTS, limit: float = LIMIT
) -> list[Cell]:
    try:
        city.start()
        wait_until(lambda: _is_whole(city), "every thing is read", 90)
        cells: list[Cell] = []
        for fault in faults:
            cells += _befall(city, fault, (lasts, limit), _excused(cells))
        return cells
    finally:
        city.stop()


def _excused(cells: Sequence[Cell]) -> dict[str, int]:
    """By kind of device, over all faults so far."""
    found: dict[str, int] = {}
    for one in cells:
        found[one.device] = found.get(one.device, 0) + one.excused
    return found


def _befall(
    city: VirtualCity, name: str, lasts_and_limit: tuple[float, float], excused: Mapping[str, int]
) -> list[Cell]:
    fault, (lasts, limit) = FAULTS[name], lasts_and_limit
    time.sleep(CALM)
    began = REAL.now_ms()
    with fault.befall(city, fault.targets):
        time.sleep(lasts)
    ended, until = time.monotonic(), REAL.now_ms()
    accounts = verdict.wait_for_agreement(
        city.door, city.truth, city.publishers, city.events, until=until, seconds=limit, pause=0.2
    )
    recovery = time.monotonic() - ended
    if not all(one.agrees for one in accounts.values()):
        recovery = LIMIT
        print(verdict.table(accounts), file=sys.stderr)
    holes, broker = _holes(city), city.plan.broker
    print(f"{broker}: {name}: {recovery:.1f} s", file=sys.stderr, flush=True)
    judged = (*fault.targets, *((OTHERS_SENSOR,) if city.plan.with_others else ()))
    return [_cell(city, (broker, name, one.name), one, (began, until), recovery, holes, excused) for one in judged]


def _cell(  # noqa: PLR0913, PLR0917  # a row, all it needs
    city: VirtualCity,
    name: tuple[str, str, str],
    target: Target,
    window: tuple[int, int],
    recovery: float,
    holes: Mapping[str, int],
    excused: Mapping[str, int],
) -> Cell:
    """Of one kind of device, over everything given up to the end of the fault; ``given`` counts from its begin on."""
    began, until = window
    stored = verdict.fetch(city.door, target.things)  # first: see wait_for_agreement
    known = {key: given for key, given in verdict.read_truth(city.truth, 2**53).items() if key[0] in target.things}
    truth = {key: given for key, given in verdict.read_truth(city.truth, until).items() if key[0] in target.things}
    several = compare(truth, stored, city.publishers, city.events, until).values()
    own = {city.publishers[thing] for thing in target.things if thing in city.publishers}
    return Cell(
        *name,
        sum(began <= one.at for given in known.values() for one in given),
        sum(began <= one.at <= until < (one.known or 0) for key in known for one in stored.get(key, ())),
        sum(len(one.missing) for one in several),
        sum(one.excused for one in several) - excused.get(target.name, 0),
        sum(len(one.repeated) for one in several),
        sum(len(one.wrong) for one in several),
        sum(holes.get(publisher, 0) for publisher in own),
        round(recovery, 1),
    )


def _holes(city: VirtualCity, seconds: float = 20) -> dict[str, int]:
    """Messages that the ledger misses, by publisher; what is on its way is given time to arrive."""
    deadline = time.monotonic() + seconds
    while True:
        outboxes = city.door.get("/api/ledger").raise_for_status().json()["outboxes"]
        found: dict[str, int] = {}
        for one in outboxes:
            missed = sum(last - first + 1 for first, last in one["missing"])
            found[one["publisher"]] = found.get(one["publisher"], 0) + missed
        if not any(found.values()) or time.monotonic() > deadline:
            return found
        time.sleep(0.5)


def table(cells: Sequence[Cell]) -> str:
    widths = (10, 19, 15, -6, -7, -8, -8, -9, -6, -6, -11)
    heads = (
        "broker",
        "fault",
        "device",
        "given",
        "waited",
        "missing",
        "excused",
        "repeated",
        "wrong",
        "holes",
        "well after",
    )
    rows = [heads, *((*astuple(one)[:-1], f"{one.recovery:.1f} s") for one in cells)]
    marks = ["", *("" if one.agrees else "  <-- NOT" for one in cells)]
    lines = [
        " ".join(f"{cell:{'<' if width > 0 else '>'}{abs(width)}}" for cell, width in zip(row, widths, strict=True))
        + mark
        for row, mark in zip(rows, marks, strict=True)
    ]
    return "\n".join(lines)


def left_out(names: Sequence[str]) -> list[str]:
    """A line for each pair of fault and device that is not in the table, with the reason."""
    here = possible(names)
    found = [f"{name}: not here: a small disk can be mounted by root alone" for name in names if name not in here]
    for name in here:
        others = [one.name for one in TARGETS if one not in FAULTS[name].targets]
        if others:
            found.append(f"{name}: not for {', '.join(others)}: {FAULTS[name].why}")
    return found


def slices(seed: int, count: int) -> dict[Kind, list[str]]:
    """So many faults for each broker, different ones as far as there are; the same by seed."""
    names = sorted(possible(list(FAULTS)))
    random.Random(seed).shuffle(names)
    turned = [names[place * count % len(names) :] + names for place in range(len(KINDS))]
    return {kind: list(dict.fromkeys(several))[:count] for kind, several in zip(KINDS, turned, strict=True)}


def _is_whole(city: VirtualCity) -> bool:
    found = verdict.fetch(city.door, city.publishers)
    return {thing for thing, _ in found} == set(city.publishers)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 everything agrees, 1 something does not, 2 a city cannot be."""
    options = _parser().parse_args(arguments)
    faults = options.fault or list(FAULTS)
    cells: list[Cell] = []
    try:
        with tempfile.TemporaryDirectory(prefix="senzorika-matrix-") as directory:
            if options.without:
                faults, cells = [], run_without(options.without, Path(directory))
            else:
                for broker in options.broker or KINDS:
                    cells += run(broker, possible(faults), Path(directory))
    except BenchError as error:
        print(f"matrix: {error}", file=sys.stderr)
        return 2
    print("\n".join([table(cells), *left_out(faults)]))
    if options.json:
        options.json.write_text(json.dumps([{**asdict(one), "agrees": one.agrees} for one in cells], indent=1))
    return 0 if cells and all(one.agrees for one in cells) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make matrix", description=__doc__)
    parser.add_argument("--broker", choices=KINDS, action="append")
    parser.add_argument("--fault", choices=sorted(FAULTS), action="append")
    parser.add_argument("--without", choices=sorted(BITES), help="a protection; then its fault alone")
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser


if __name__ == "__main__":
    sys.exit(main())
