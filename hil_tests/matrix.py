"""``make matrix``: every fault against every kind of device on both brokers, judged by what the sensors gave.

A city lives through one fault after the other. For each, the table says how many values the sensors of each kind of
device gave from its begin on, how many of all they ever gave are missing, repeated or wrong in the public API, and how
long it took after the fault had ended until everything given by then was there.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path

from hil_tests import verdict
from hil_tests.city import GATEWAY, Plan, VirtualCity
from hil_tests.comparison import compare
from hil_tests.faults import FAULTS
from hil_tests.instruments.broker import KINDS
from hil_tests.instruments.fast_time import REAL
from hil_tests.instruments.process import free_ports, wait_until
from hil_tests.koper import MBUS, MODBUS, NODES
from provisioning.broker import Kind
from provisioning.quickstart import Ports

LASTS = 8.0  # s
CALM = 3.0  # s of traffic before a fault
LIMIT = 120.0  # s from the end of a fault until everything is there
DEVICES = {
    "parking node": frozenset(one.thing.id for one in NODES if one.kind == "parking"),
    "water node": frozenset(one.thing.id for one in NODES if one.kind == "water"),
    "gateway M-Bus": frozenset(one.thing.id for one in MBUS),
    "gateway Modbus": frozenset(one.thing.id for one in MODBUS),
}
MEANT = {"parking node": "park-0002", "water node": "water-0001", "gateway M-Bus": GATEWAY, "gateway Modbus": GATEWAY}
"""The publisher that a fault of one device befalls."""


@dataclass(frozen=True)
class Cell:
    broker: str
    fault: str
    device: str
    given: int
    missing: int
    repeated: int
    wrong: int
    recovery: float
    """s; ``LIMIT`` and more: it did not recover in time."""

    @property
    def agrees(self) -> bool:
        return not (self.missing or self.repeated or self.wrong) and self.given > 0 and self.recovery < LIMIT


def run(broker: Kind, faults: Sequence[str], directory: Path) -> list[Cell]:
    """One city, one fault after the other; raises BenchError when the city cannot be."""
    city = VirtualCity(Plan(directory / broker, Ports(*free_ports(2)), broker, has_network=True))
    cells = []
    try:
        city.start()
        wait_until(lambda: _is_whole(city), "every thing is read", 90)
        for fault in faults:
            cells += _befall(city, broker, fault)
    finally:
        city.stop()
    return cells


def _befall(city: VirtualCity, broker: str, fault: str) -> list[Cell]:
    cells = []
    publishers = dict.fromkeys(MEANT.values()) if fault == "power cut" else [""]
    for publisher in publishers:
        time.sleep(CALM)
        began = REAL.now_ms()
        with FAULTS[fault](city, publisher):
            time.sleep(LASTS)
        ended, until = time.monotonic(), REAL.now_ms()
        accounts = verdict.wait_for_agreement(
            city.door, city.truth, city.publishers, city.events, until=until, seconds=LIMIT, pause=0.2
        )
        recovery = time.monotonic() - ended
        if not all(one.agrees for one in accounts.values()):
            recovery = LIMIT
        for device, things in DEVICES.items():
            if publisher in ("", MEANT[device]):
                cells.append(_cell(city, (broker, fault, device), things, (began, until), recovery))
    return cells


def _cell(
    city: VirtualCity, name: tuple[str, str, str], things: frozenset[str], window: tuple[int, int], recovery: float
) -> Cell:
    """Of one kind of device, over everything given up to the end of the fault; ``given`` counts from its begin on."""
    began, until = window
    known = verdict.read_truth(city.truth, until=2**53)
    truth = {key: given for key, given in verdict.read_truth(city.truth, until).items() if key[0] in things}
    accounts = compare(truth, verdict.fetch(city.door, things), city.publishers, city.events, until)
    given = sum(began <= one.at for key, several in known.items() if key[0] in things for one in several)
    several = accounts.values()
    return Cell(
        *name,
        given,
        sum(len(one.missing) for one in several),
        sum(len(one.repeated) for one in several),
        sum(len(one.wrong) for one in several),
        round(recovery, 1),
    )


def table(cells: Sequence[Cell]) -> str:
    widths = (10, 17, 15, -6, -8, -9, -6, -11)
    heads = ("broker", "fault", "device", "given", "missing", "repeated", "wrong", "well after")
    rows = [heads, *((*astuple(one)[:-1], f"{one.recovery:.1f} s") for one in cells)]
    marks = ["", *("" if one.agrees else "  <-- NOT" for one in cells)]
    lines = [
        " ".join(f"{cell:{'<' if width > 0 else '>'}{abs(width)}}" for cell, width in zip(row, widths, strict=True))
        + mark
        for row, mark in zip(rows, marks, strict=True)
    ]
    return "\n".join(lines)


def slices(seed: int, count: int) -> dict[Kind, list[str]]:
    """So many faults for each broker, different ones as far as there are; the same by seed."""
    names = sorted(FAULTS)
    random.Random(seed).shuffle(names)
    turned = [names[place * count % len(names) :] + names for place in range(len(KINDS))]
    return {kind: list(dict.fromkeys(several))[:count] for kind, several in zip(KINDS, turned, strict=True)}


def _is_whole(city: VirtualCity) -> bool:
    found = verdict.fetch(city.door, city.publishers)
    return {thing for thing, _ in found} == set(city.publishers)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 everything agrees, 1 something does not."""
    parser = argparse.ArgumentParser(prog="make matrix", description=__doc__)
    parser.add_argument("--broker", choices=KINDS, action="append")
    parser.add_argument("--fault", choices=sorted(FAULTS), action="append")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    cells: list[Cell] = []
    with tempfile.TemporaryDirectory(prefix="senzorika-matrix-") as directory:
        for broker in options.broker or KINDS:
            cells += run(broker, options.fault or list(FAULTS), Path(directory))
    print(table(cells))
    if options.json:
        options.json.write_text(json.dumps([{**asdict(one), "agrees": one.agrees} for one in cells], indent=1))
    return 0 if cells and all(one.agrees for one in cells) else 1


if __name__ == "__main__":
    sys.exit(main())
