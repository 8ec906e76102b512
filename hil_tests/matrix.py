"""``make matrix``: every fault against every kind of device on both brokers, judged by what the sensors gave.

A city lives through one fault after the other. For each, the table says whether it was felt; how many values the
sensors of each kind of device gave meanwhile, and how many of these waited for its end; how many of all they ever gave
are missing, repeated or wrong in the public API; how many messages the ledger misses; and how long it took after the
fault had ended until all was there and each thing was read again. Excused is what was given over a wire that was
disturbed, to a device that lost its power, or to one that had no room and declared it.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path
from typing import NamedTuple

from hil_tests.cities.city import DATA, Plan, VirtualCity
from hil_tests.harm.bites import BITES
from hil_tests.harm.faults import AHEAD, FAULTS, LASTS, Shows
from hil_tests.harm.targets import OTHERS_SENSOR, TARGETS, Target, publishers
from hil_tests.instruments.broker import KINDS
from hil_tests.instruments.fast_time import REAL
from hil_tests.instruments.process import BenchError, free_ports, wait_until
from hil_tests.judging import verdict
from hil_tests.judging.comparison import Account, Given, Key, Stored, compare
from hil_tests.judging.events import Death
from provisioning.broker import Kind
from provisioning.quickstart import Ports

CALM = 3.0  # s of traffic before a fault
SURE = 2_000  # ms from the edges of a fault within which it need not be seen
SHORT = 30.0  # s in which a city without a protection would be whole again, if it could
SMALL_DISKS = (DATA, *publishers(TARGETS))


@dataclass(frozen=True)
class Cell:
    broker: str
    fault: str
    device: str
    felt: bool
    """Whether the city showed that the fault was there, by what its ``shows`` says."""
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
    """s until all of it was there, and each of its things was read again."""
    limit: float
    """s; as much and more: it did not recover in time."""

    @property
    def agrees(self) -> bool:
        bad = self.missing or self.repeated or self.wrong or self.holes
        return self.felt and not bad and self.recovery < self.limit


class Window(NamedTuple):
    """From the begin of a fault to its end, ms UTC."""

    began: int
    until: int


def can_fill_disks() -> bool:
    """Small disks are mounted by root alone."""
    return os.geteuid() == 0


def possible(names: Sequence[str]) -> list[str]:
    """Those of these faults that can be here."""
    return [name for name in names if can_fill_disks() or FAULTS[name].needs != "disk"]


def run(broker: Kind, faults: Sequence[str], directory: Path) -> Iterator[Cell]:
    """One city for each store that a fault needs, one fault after the other; raises BenchError."""
    for store in ("duckdb", "influx"):
        several = [name for name in faults if (FAULTS[name].needs == "influx") == (store == "influx")]
        if several:
            disks = SMALL_DISKS if any(FAULTS[name].needs == "disk" for name in several) else ()
            ports = Ports(*free_ports(2))
            plan = Plan(directory / f"{broker}-{store}", ports, broker, store, can_fail=True, small_disks=disks)
            yield from _live_through(VirtualCity(plan), several)


def run_without(protection: str, directory: Path, limit: float = SHORT, *, is_on: bool = False) -> Iterator[Cell]:
    """The fault that needs this protection, in a city that does without; with ``is_on``, in the same one with it."""
    bite = BITES[protection]
    without = None if is_on else (bite.program, protection)
    plan = Plan(
        directory / protection, Ports(*free_ports(2)), bite.broker, can_fail=True, without=without, modbus=bite.modbus
    )
    if bite.device == OTHERS_SENSOR.name:
        plan = replace(plan, with_others=True)
    yield from _live_through(VirtualCity(plan), [bite.fault] * bite.times, lasts=bite.lasts, limit=limit)


def _live_through(
    city: VirtualCity, faults: Sequence[str], *, lasts: float = LASTS, limit: float | None = None
) -> Iterator[Cell]:
    """It ends at the first fault that does not end well: what follows would be judged with its losses."""
    excused: dict[str, int] = {}
    try:
        city.start()
        wait_until(lambda: _is_whole(city), "every thing is read", 90)
        for place, name in enumerate(faults):
            cells = _befall(city, name, lasts, limit or FAULTS[name].limit, excused)
            yield from cells
            if not all(one.agrees for one in cells):
                if rest := faults[place + 1 :]:
                    print(f"{city.plan.broker}: not tried after that: {', '.join(rest)}", file=sys.stderr)
                return
            for one in cells:
                excused[one.device] = excused.get(one.device, 0) + one.excused
    finally:
        city.stop()


def _befall(city: VirtualCity, name: str, lasts: float, limit: float, excused: Mapping[str, int]) -> list[Cell]:
    fault = FAULTS[name]
    judged = (*fault.targets, *((OTHERS_SENSOR,) if city.plan.with_others else ()))
    time.sleep(CALM)
    began = REAL.now_ms()
    with fault.befall(city, fault.targets):
        time.sleep(lasts)
    window = Window(began, REAL.now_ms())
    well = _wait_until_well(city, judged, window.until, limit)
    holes = verdict.holes(city.door)
    print(f"{city.plan.broker}: {name}: {max(well.values()):.1f} s", file=sys.stderr, flush=True)
    found = _Found(verdict.fetch(city.door, city.publishers), verdict.read_truth(city.truth, 2**53), window)
    return [_cell(city, name, one, found, (well[one.name], limit), holes, excused) for one in judged]


def _wait_until_well(city: VirtualCity, judged: Sequence[Target], until: int, limit: float) -> dict[str, float]:
    """By kind of device, s until everything given by ``until`` was there, and each of its things was read again."""
    began, well = time.monotonic(), dict.fromkeys((one.name for one in judged), limit)
    accounts: Mapping[str, Account] = {}
    while time.monotonic() - began < limit and limit in well.values():
        with suppress(OSError):  # the collector may be starting again
            stored = verdict.fetch(city.door, city.publishers)  # first: see wait_for_agreement
            accounts = compare(verdict.read_truth(city.truth, until), stored, city.publishers, city.events, until)
            back = {key[0] for key, of in stored.items() if any(one.at > until for one in of)}
            for one in judged:
                things = one.things & set(city.publishers)
                own = {city.publishers[thing] for thing in things}
                if well[one.name] == limit and things <= back and all(accounts[name].agrees for name in own):
                    well[one.name] = time.monotonic() - began
        time.sleep(0.2)
    if limit in well.values():
        print(verdict.table(accounts), file=sys.stderr)
    return well


class _Found(NamedTuple):
    stored: Mapping[Key, Sequence[Stored]]
    truth: Mapping[Key, Sequence[Given]]
    window: Window


def _cell(  # noqa: PLR0913, PLR0917  # a row, all it needs
    city: VirtualCity,
    fault: str,
    target: Target,
    found: _Found,
    recovery: tuple[float, float],
    holes: Mapping[str, int],
    excused: Mapping[str, int],
) -> Cell:
    """Of one kind of device: what is wrong is so over everything given up to the end of the fault."""
    began, until = found.window
    truth = {key: of for key, of in found.truth.items() if key[0] in target.things}
    several = compare(truth, found.stored, city.publishers, city.events, until).values()
    own = {city.publishers[thing] for thing in target.things if thing in city.publishers}
    within = [one for key in truth for one in found.stored.get(key, ()) if began <= one.at <= until]
    return Cell(
        city.plan.broker,
        fault,
        target.name,
        _is_felt(FAULTS[fault].shows, city, target, found),
        sum(began <= one.at <= until for given in truth.values() for one in given),
        sum((one.known or 0) > until for one in within),
        sum(len(one.missing) for one in several),
        sum(one.excused for one in several) - excused.get(target.name, 0),
        sum(len(one.repeated) for one in several),
        sum(len(one.wrong) for one in several),
        sum(holes.get(publisher, 0) for publisher in own),
        round(recovery[0], 1),
        recovery[1],
    )


def _is_felt(shows: Shows, city: VirtualCity, target: Target, found: _Found) -> bool:
    """Whether what a fault shows is to be seen, well within it."""
    began, until = found.window
    well_within = range(began + SURE, until - SURE)
    stored = [one for key, of in found.stored.items() if key in found.truth and key[0] in target.things for one in of]
    if shows == "waits":
        return any(one.at in range(began, until - SURE) and (one.known or 0) > until for one in stored)
    if shows == "dies":
        deaths = [one for one in city.events if isinstance(one, Death) and one.publisher == target.publisher]
        return any(began <= one.killed <= until for one in deaths)
    if shows == "silent":
        return not any(one.at in well_within for key, of in found.truth.items() if key[0] == target.one for one in of)
    if shows == "behind":
        return not any(one.at in well_within for key, of in found.stored.items() if key[0] == target.one for one in of)
    if shows == "ahead":
        return any(one.at in range(began + SURE, until) and (one.known or 0) > until + AHEAD // 2 for one in stored)
    return True


def table(cells: Sequence[Cell]) -> str:
    widths = (10, 19, 15, -5, -6, -7, -8, -8, -9, -6, -6, -11)
    counts = ("felt", "given", "waited", "missing", "excused", "repeated", "wrong", "holes")
    heads = ("broker", "fault", "device", *counts, "well after")
    rows = [heads, *(_row(one) for one in cells)]
    marks = ["", *("" if one.agrees else "  <-- NOT" for one in cells)]
    lines = [
        " ".join(f"{cell:{'<' if width > 0 else '>'}{abs(width)}}" for cell, width in zip(row, widths, strict=True))
        + mark
        for row, mark in zip(rows, marks, strict=True)
    ]
    return "\n".join(lines)


def _row(one: Cell) -> tuple[object, ...]:
    shown = "-" if not FAULTS[one.fault].shows else "yes" if one.felt else "NO"
    return (
        *astuple(one)[:3],
        shown,
        *astuple(one)[4:-2],
        f"{one.recovery:.1f} s" if one.recovery < one.limit else "never",
    )


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
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # a city is left behind by none
    try:
        with tempfile.TemporaryDirectory(prefix="senzorika-matrix-") as directory:
            if options.without:
                faults = []
                cells.extend(run_without(options.without, Path(directory)))
            for broker in () if options.without else options.broker or KINDS:
                cells.extend(run(broker, possible(faults), Path(directory)))
    except BenchError as error:
        print(f"matrix: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    finally:
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
