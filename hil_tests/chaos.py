"""``make chaos HOURS=8 SEED=7``: random faults against the virtual city, judged at its end value by value.

The seed decides which faults come when, for how long, and whom they befall; the same seed gives the same run. What each
sensor gave stands in the truth files, and is compared with the public API once everything has had time to arrive.
"""

import argparse
import json
import random
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from hil_tests.cities.city import Plan, VirtualCity
from hil_tests.harm.faults import FAULTS
from hil_tests.instruments.broker import KINDS
from hil_tests.instruments.fast_time import REAL
from hil_tests.instruments.process import BenchError, free_ports, wait_until
from hil_tests.judging import verdict
from hil_tests.matrix import SMALL_DISKS, can_fill_disks
from hil_tests.reports import report
from provisioning.broker import Kind
from provisioning.quickstart import Ports

CALM = (2.0, 12.0)  # s between the end of a fault and the begin of the next
LASTS = (0.5, 15.0)  # s
HEALING = 300.0  # s from the end of the run until everything must be there


@dataclass(frozen=True)
class Planned:
    """A fault of a run; times in s from its begin."""

    begin: float
    end: float
    fault: str
    target: str
    """The name of what it befalls."""


@dataclass(frozen=True)
class Happened:
    """When it really was; ms UTC."""

    begin: int
    end: int
    fault: str
    target: str


NAMES = tuple(sorted(name for name, one in FAULTS.items() if one.needs != "influx"))
"""The faults of a city on DuckDB."""


def schedule(seed: int, seconds: float) -> list[Planned]:
    """One fault after the other until ``seconds`` are over; the same for the same seed."""
    chance = random.Random(seed)
    planned: list[Planned] = []
    at = chance.uniform(*CALM)
    while True:
        end = at + chance.uniform(*LASTS)
        if end > seconds:
            return planned
        fault = chance.choice(NAMES)
        planned.append(Planned(at, end, fault, chance.choice(FAULTS[fault].targets).name))
        at = end + chance.uniform(*CALM)


def run(city: VirtualCity, planned: Sequence[Planned], seconds: float) -> list[Happened]:
    """Let it happen to a city that runs; whatever ends by itself is started again, and stands in ``city.ended``."""
    began = time.monotonic()
    happened = []
    for one in planned:
        _live(city, began + one.begin)
        begin = REAL.now_ms()
        fault = FAULTS[one.fault]
        if fault.needs == "disk" and not can_fill_disks():
            print(f"left out: {one.fault}: a small disk can be mounted by root alone", file=sys.stderr)
            continue
        with fault.befall(city, [target for target in fault.targets if target.name == one.target]):
            time.sleep(max(0.0, began + one.end - time.monotonic()))
        happened.append(Happened(begin, REAL.now_ms(), one.fault, one.target if fault.is_of_devices else ""))
    _live(city, began + seconds)
    return happened


def _live(city: VirtualCity, until: float) -> None:
    while time.monotonic() < until:
        for name in city.supervise():
            print(f"{name} ended by itself:\n{city.programs[name].last_lines(40)}", file=sys.stderr, flush=True)
        time.sleep(0.2)


def live_through(broker: Kind, seed: int, seconds: float, directory: Path) -> report.Run:
    """A city from its begin to the judgement."""
    disks = SMALL_DISKS if can_fill_disks() else ()
    city = VirtualCity(Plan(directory / "city", Ports(*free_ports(2)), broker, can_fail=True, small_disks=disks))
    try:
        city.start()
        wait_until(lambda: set(verdict.fetch(city.door, city.publishers)) != set(), "values arrive", 90)
        begin = REAL.now_ms()
        happened = run(city, schedule(seed, seconds), seconds)
        until = REAL.now_ms()
        accounts = verdict.wait_for_agreement(
            city.door, city.truth, city.publishers, city.events, until=until, seconds=HEALING
        )
        healed = REAL.now_ms()
        return report.Run(
            broker=broker,
            seed=seed,
            begin=begin,
            until=until,
            healed=healed,
            faults=[asdict(one) for one in happened],
            accounts=accounts,
            holes={name: count for name, count in verdict.holes(city.door).items() if count},
            ended=list(city.ended),
            given=verdict.read_truth(city.truth, until),
            stored=verdict.fetch(city.door, city.publishers),
            waiting={name: _depth(city, name) for name in city.devices},
        )
    finally:
        city.stop()


def _depth(city: VirtualCity, publisher: str) -> list[tuple[int, float]]:
    """How many messages its outbox held, by what it said itself."""
    found = verdict.fetch(city.door, [publisher]).get((publisher, "outbox_depth"), [])
    return sorted((one.at, float(one.value)) for one in found if isinstance(one.value, float))


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 everything agrees, 1 something does not, 2 a city cannot be."""
    options = _parser().parse_args(arguments)
    minutes = options.minutes if options.hours is None else options.hours * 60
    print(f"seed {options.seed}, {minutes:g} minutes, {options.broker}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # a city is left behind by none
    try:
        with tempfile.TemporaryDirectory(prefix="senzorika-chaos-") as directory:
            lived = live_through(options.broker, options.seed, minutes * 60, Path(directory))
    except BenchError as error:
        print(f"chaos: {error}", file=sys.stderr)
        return 2
    after = (lived.healed - lived.until) / 1000
    print(f"{len(lived.faults)} faults; everything given was there {after:.1f} s after the end")
    print(verdict.table(lived.accounts))
    print("\n".join(f"{name}: {count} messages missing in the ledger" for name, count in lived.holes.items()))
    if options.report:
        options.report.write_text(report.html(lived), "utf-8")
        options.report.with_suffix(".json").write_text(json.dumps(report.summary(lived), indent=1), "utf-8")
    return 0 if lived.agrees else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    lasts = parser.add_mutually_exclusive_group()
    lasts.add_argument("--minutes", type=float, default=5)
    lasts.add_argument("--hours", type=float)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--broker", choices=KINDS, default="nats")
    parser.add_argument("--report", type=Path, metavar="FILE", help="HTML; beside it the same as .json")
    return parser


if __name__ == "__main__":
    sys.exit(main())
