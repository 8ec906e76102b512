"""A day at a water meter, 1440 times as fast, through the real stack: every litre once, its night, its burst."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from firmware.water.leak import BURST
from hil_tests.cities import kind_city
from hil_tests.cities.city import VirtualCity
from hil_tests.instruments.fast_time import starting_at
from hil_tests.instruments.process import BenchError, find, wait_until
from hil_tests.judging.verdict import fetch

try:
    find("micropython")
except BenchError as missing:
    pytest.skip(str(missing), allow_module_level=True)

SPEED = 1440  # a day is a minute
HOUR_S = 3600
# Summer ends in the night that follows: it has three hours between 02:00 and 04:00.
BEGIN_MS = int(datetime(2025, 10, 25, 10, tzinfo=UTC).timestamp() * 1000)
METER = "shaft-0010"
FLOW = [  # hour, m3/h from then on
    (0.0, 0.12),  # a litre each 30 s: 120 L in whatever hour of the night
    (5.0, 0.0),  # one rest of an hour and a half, or it would be a leak
    (6.5, 0.12),
    (19.0, 4.0),  # a burst: 1000 L in a quarter of an hour
    (19.25, 0.12),
    (24.0, 0.0),
]
LITRES = round(1000 * sum(flow * (FLOW[number + 1][0] - hour) for number, (hour, flow) in enumerate(FLOW[:-1])))
BACKWARDS = [(7.0, 0.24), (7.05, 0.0)]  # 12 L


@pytest.fixture
def city(tmp_path: Path) -> Iterator[VirtualCity]:
    sensor = {
        "flow": [(hour * HOUR_S, flow) for hour, flow in FLOW],
        "reverse": [(hour * HOUR_S, flow) for hour, flow in BACKWARDS],
        "pressure_mv": 2500,
    }
    settings = {"period_ms": 600_000, "litres_per_pulse": 1, "burst_flow": 3, "back_flow_pulses": 1000}
    meter = kind_city.plan(METER, "water", sensor, settings)
    with kind_city.running(tmp_path / "city", meter, clock=starting_at(BEGIN_MS, SPEED)) as running:
        yield running


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_day_of_water_is_exact_though_the_node_is_killed(city: VirtualCity) -> None:
    began = kind_city.begun_ms(city)

    def it_is(hour: float) -> bool:
        return city.plan.clock.now_ms() > began + hour * HOUR_S * 1000

    for hour in (11.0, 19.1, 20.0):  # in the middle of the burst, too
        wait_until(partial(it_is, hour), f"hour {hour}", 120)
        city.kill(f"node-{METER}", pause=0.2)

    def has_told_all() -> bool:
        """At the end of the day it may count still what was while it was dead."""
        told = fetch(city.door, [METER])[METER, "water_volume"]
        return max(told).at > began + 24.5 * HOUR_S * 1000 and float(max(told).value) >= LITRES / 1000

    wait_until(has_told_all, "a day is over, and stored", 200, 0.2)
    stored = fetch(city.door, [METER])
    assert city.supervise() == [], "the node ended by itself"

    volumes = [float(one.value) for one in sorted(stored[METER, "water_volume"])]
    assert LITRES == 3670
    assert volumes[-1] == LITRES / 1000
    assert volumes == sorted(volumes)
    assert float(max(stored[METER, "water_volume.reverse"]).value) == 0.012
    assert {one.value for one in stored[METER, "pulse_epoch"]} == {0.0}
    assert {one.value for one in stored[METER, "pressure"]} == {5.0}

    night, *_ = sorted(stored[METER, "night_flow"])  # the next may have passed, too
    assert abs(float(night.value) - 0.12) < 0.0015, "one pulse more or less at the edge of an hour"
    assert night.unit == "m3/h"
    assert datetime.fromtimestamp(night.at / 1000, UTC).hour == 3  # 04:00, an hour after which summer has ended

    days = indicator(city, "consumption", began)
    assert round(sum(one["amount"] for one in days), 9) == round(volumes[-1] - volumes[0], 9), "what a bill would say"
    assert {(one["estimated"], one["events"], one["unit"]) for one in days} == {(0, "", "m3")}
    quiet = [one for one in indicator(city, "night_flow", began) if one["share"] == 1]
    assert 0 <= quiet[0]["flow"] < 0.134, (
        "the lowest quarter: pulses that came late make another one higher, never this one"
    )

    flags = kind_city.changes_of(stored[METER, "water_flags"])
    assert [one.value for one in flags] == [0, BURST, 0]
    told, over = ((one.at - began) / 1000 / HOUR_S for one in flags[1:])
    print(f"{len(volumes)} readings, {volumes[-1]} m3; the burst of 19.00 told at {told:.2f}, over at {over:.2f}")
    assert 19.0 < told < over, "how late depends on how long the killed node takes to start"
    assert over > 19.25


def indicator(city: VirtualCity, name: str, began: int) -> list[dict[str, Any]]:
    """Its rows, of the two days that the city has seen."""
    asked = {"indicator": name, "thing": METER, "size": "day", "from": began, "to": began + 48 * HOUR_S * 1000}
    rows: list[dict[str, Any]] = city.door.get("/api/indicators.rows.json", **asked).json()
    return rows
