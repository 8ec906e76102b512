"""How long does a battery last? ``python -m hil_tests.battery`` prints what the arithmetic says of every plan.

A node's own ledger (``firmware/energy.py``) counts how often it woke and reported; ``currents.toml`` says what a chip
takes for that. Milliampere hours, milliseconds, days.
"""

import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import Field

from hil_tests.instruments.scenario import Strict

TABLE = Path(__file__).with_name("currents.toml")
_DAY_MS = 86_400_000
_HOUR_MS = 3_600_000
_YEAR_DAYS = 365.25


class Battery(Strict):
    capacity: float
    usable: float
    self_discharge: float


class Chip(Strict):
    deep_sleep: float
    quiescent: float
    awake: float
    radio: float
    boot_ms: float
    join_ms: float
    handshake_ms: float
    exchange_ms: float


class Sensor(Strict):
    standby: float
    on: float
    sample_ms: float


class Plan(Strict):
    """What a node does in a day, and the years a city wants of it."""

    name: str
    kind: str
    sensors: tuple[str, ...]
    wakes: float
    reports: float
    years: float


class Table(Strict):
    battery: Battery
    chip: Chip
    sensor: dict[str, Sensor]
    plan: list[Plan] = Field(min_length=1)


class Budget(NamedTuple):
    """mAh of a day, by what they went into."""

    asleep: float
    awake: float
    radio: float
    sensor: float

    def days(self, battery: Battery) -> float:
        lost = battery.capacity * battery.self_discharge / _YEAR_DAYS
        return battery.capacity * battery.usable / (sum(self) + lost)


def load(path: Path = TABLE) -> Table:
    return Table.model_validate(tomllib.loads(path.read_text("utf-8")))


def budget(plan: Plan, table: Table) -> Budget:
    """What a day of this plan takes."""
    chip, sensors = table.chip, [table.sensor[name] for name in plan.sensors]
    sample_ms = sum(sensor.sample_ms for sensor in sensors)
    awake_ms = plan.wakes * (chip.boot_ms + sample_ms)
    radio_ms = plan.reports * (chip.join_ms + chip.handshake_ms + chip.exchange_ms)
    asleep_ms = _DAY_MS - awake_ms - radio_ms
    standby = chip.deep_sleep + chip.quiescent + sum(sensor.standby for sensor in sensors)
    return Budget(
        standby * asleep_ms / _HOUR_MS,
        chip.awake * awake_ms / _HOUR_MS,
        chip.radio * radio_ms / _HOUR_MS,
        sum(sensor.on * sensor.sample_ms * plan.wakes for sensor in sensors) / _HOUR_MS,
    )


class Spent(NamedTuple):
    """What a ledger counted between two states, in ms; ``awake`` holds ``radio`` and ``sensor``."""

    elapsed: int
    awake: int
    radio: int
    sensor: int
    wakes: int


def spent_between(first: Mapping[str, int], last: Mapping[str, int]) -> Spent:
    """Of two state messages of one node, the older first."""
    return Spent(*(last[key] - first[key] for key in ("at", "awake_ms", "radio_ms", "sensor_ms", "wakes")))


def priced(spent: Spent, kind: str, table: Table) -> float:
    """The mean, in mA. A ledger begins when the interpreter runs: what comes before each wake is the chip's boot."""
    chip, sensors = table.chip, sensors_of(kind, table)
    awake = spent.awake - spent.radio + spent.wakes * chip.boot_ms
    asleep = max(0, spent.elapsed - spent.awake - spent.wakes * chip.boot_ms)
    sampling = sum(sensor.on for sensor in sensors) * spent.sensor
    charge = standby(kind, table) * asleep + chip.awake * awake + chip.radio * spent.radio + sampling
    return charge / spent.elapsed


def mean(plan: Plan, table: Table) -> float:
    """The mean, in mA, that the arithmetic says of a plan."""
    return sum(budget(plan, table)) * _HOUR_MS / _DAY_MS


def standby(kind: str, table: Table) -> float:
    """In mA, while all of it sleeps."""
    return table.chip.deep_sleep + table.chip.quiescent + sum(one.standby for one in sensors_of(kind, table))


def sensors_of(kind: str, table: Table) -> list[Sensor]:
    """As the plans of this kind have them; KeyError names a kind without one."""
    plans = {one.kind: one for one in table.plan}
    return [table.sensor[name] for name in plans[kind].sensors]


def report(table: Table) -> str:
    """A line per plan."""
    lines = [f"{'plan':<76}{'asleep':>8}{'awake':>8}{'radio':>8}{'sensor':>8}  mAh a day; years"]
    for plan in table.plan:
        found = budget(plan, table)
        years = found.days(table.battery) / _YEAR_DAYS
        verdict = "enough" if years >= plan.years else f"too short, {plan.years:g} wanted"
        figures = "".join(f"{part:8.2f}" for part in found)
        lines.append(f"{plan.name:<76}{figures}  {years:.1f} ({verdict})")
    return "\n".join(lines)


def main(_arguments: Sequence[str] | None = None) -> int:
    print(report(load()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
