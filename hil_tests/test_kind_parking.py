"""A day at a parking spot, 1440 times as fast, through the real stack: every change arrives, and none else."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hil_tests.cities import kind_city
from hil_tests.cities.city import VirtualCity
from hil_tests.instruments.fast_time import starting_at
from hil_tests.instruments.process import BenchError, find, wait_until
from hil_tests.judging.comparison import Stored
from hil_tests.judging.verdict import fetch
from provisioning import release

try:
    find("micropython")
except BenchError as missing:
    pytest.skip(str(missing), allow_module_level=True)

SPEED = 1440  # a day is a minute
DAY_S, HOUR_S, MINUTE_S = 86_400, 3600, 60
BUILT_S = 24 * HOUR_S  # by then every node is built and has said what it sees
PROMPT_S = 40 * MINUTE_S  # three samples of a minute each, and 1.5 s of a machine that is busy
LATE_S = 2.8 * HOUR_S  # 7 s of a machine that is busier; less than the shortest stay
DAY = [
    (0.0, "free"),
    (2.0, "occupied"),
    (5.0, "free"),
    (8.0, "occupied"),  # for ten hours and a half, while it gets cold
    (18.5, "free"),
    (21.5, "occupied"),
    (24.5, "free"),
]
END_S = BUILT_S + 27.5 * HOUR_S
CHANGES = [(BUILT_S + hour * HOUR_S if hour else 0.0, occupancy) for hour, occupancy in DAY]
WIRED: dict[str, dict[str, Any]] = {  # three ways to look at a spot
    "spot-0010": {"sensors": ["magnetometer"], "swing": 8.0},
    "spot-0011": {"sensors": ["ultrasonic", "magnetometer"], "magnetometer": "qmc5883l", "swing": 8.0},
    "spot-0012": {"sensors": ["radar", "tof"]},
}


@pytest.fixture
def city(tmp_path: Path) -> Iterator[VirtualCity]:
    release.application()  # made once for all nodes, and before their time begins
    # A sensor whose process does not run for a second is silent for 24 minutes.
    settings = {"period_ms": 60_000, "heartbeat_ms": 2 * HOUR_S * 1000, "unknown_after_ms": 6 * HOUR_S * 1000}
    plans = [kind_city.plan(spot, "parking", {**wired, "changes": CHANGES}, settings) for spot, wired in WIRED.items()]
    clock = starting_at(time.time_ns() // 1_000_000 - 3 * DAY_S * 1000, SPEED)
    with kind_city.running(tmp_path / "city", *plans, clock=clock) as running:
        yield running


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_every_change_of_a_day_arrives_with_the_right_occupancy_and_none_else(city: VirtualCity) -> None:
    began = kind_city.begun_ms(city)

    def is_over() -> bool:
        told = fetch(city.door, WIRED)
        return all(max(told[spot, "occupancy"]).at > began + END_S * 1000 for spot in WIRED)

    wait_until(lambda: city.plan.clock.now_ms() > began + END_S * 1000, "a day is over", 200)
    wait_until(is_over, "each spot has told of its end", step=0.2)
    stored = fetch(city.door, WIRED)
    assert city.supervise() == [], "a node ended"
    for spot in WIRED:
        judge(spot, began, stored[spot, "occupancy"])
    deviations = [
        float(one.value)
        for one in stored["spot-0010", "magnetic_deviation"]
        if 11 * HOUR_S <= (one.at - began) / 1000 - BUILT_S <= 18 * HOUR_S
    ]
    print("deviation while the car stayed for ten hours, uT:", deviations)
    assert min(deviations) > 10, "the car that stayed has become the baseline"


def judge(spot: str, began: int, stored: list[Stored]) -> None:
    stored = sorted(stored)
    found = kind_city.changes_of(stored)
    assert [one.value for one in found] == [occupancy for _, occupancy in CHANGES], spot
    late = [(one.at - began) / 1000 - second for one, (second, _) in zip(found, CHANGES, strict=True)][1:]
    print(f"{spot}: {len(found)} changes, told {min(late):.0f} to {max(late):.0f} s after they were made")
    assert 0 <= min(late) <= PROMPT_S
    assert max(late) <= LATE_S
    most = (stored[-1].at - stored[0].at) // (2 * HOUR_S * 1000) + 1
    assert most // 2 <= len(stored) - len(found) <= most, "heartbeats of two hours"
