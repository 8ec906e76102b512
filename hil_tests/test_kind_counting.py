"""Cars at the entry of a car park, 20 times as fast, through the real stack: each is counted once, in its direction."""

import random
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from hil_tests.cities import kind_city
from hil_tests.cities.city import VirtualCity
from hil_tests.instruments.beams import Passing, truth
from hil_tests.instruments.fast_time import starting_at
from hil_tests.instruments.process import BenchError, find, wait_until
from hil_tests.judging.verdict import fetch

try:
    find("micropython")
except BenchError as missing:
    pytest.skip(str(missing), allow_module_level=True)

SPEED = 20
ENTRY = "entry-01"
START, CAPACITY = 7, 60
END_S = 600.0


def passings() -> list[tuple[float, Passing]]:
    """Ten minutes of cars that follow each other at 3 to 12 s, among people and drivers who change their mind."""
    chance, second, found = random.Random(21), 5.0, []
    while second < END_S - 10:
        what: Passing = chance.choices(("in", "out", "person", "reverse"), (5, 3, 1, 1))[0]
        found.append((second, what))
        second += chance.uniform(3, 12)
    return found


@pytest.fixture
def city(tmp_path: Path) -> Iterator[VirtualCity]:
    settings = {"period_ms": 2000, "capacity": CAPACITY, "start": START}
    entry = kind_city.plan(ENTRY, "counting", {"passings": passings()}, settings)
    clock = starting_at(time.time_ns() // 1_000_000 - 3_600_000, SPEED)
    with kind_city.running(tmp_path / "city", entry, clock=clock) as running:
        yield running


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_every_car_is_counted_once_though_the_node_is_killed(city: VirtualCity) -> None:
    began = kind_city.begun_ms(city)
    expected = truth(passings(), END_S)

    def has_told_of(at: float) -> bool:
        told = fetch(city.door, [ENTRY]).get((ENTRY, "vehicle_count_in"), ())
        return max((one.at for one in told), default=0) > at

    for second, away in ((150.0, 10.0), (250.0, 200.0)):  # in 200 s there are more edges than it takes at once
        started = city.plan.clock.now_ms()
        wait_until(partial(has_told_of, max(began + second * 1000, started)), f"what was at second {second}", 120, 0.2)
        city.kill(f"node-{ENTRY}", pause=away / SPEED)
    wait_until(partial(has_told_of, max(began + (END_S + 60) * 1000, city.plan.clock.now_ms())), "the end", 120, 0.2)

    def has_counted_all() -> bool:
        stored = fetch(city.door, [ENTRY])
        return all(max(stored[ENTRY, name]).value >= count for name, count in expected.items())

    wait_until(has_counted_all, f"{expected} are counted", 120, 0.2)  # it takes 30 edges a sample
    stored = fetch(city.door, [ENTRY])
    assert city.supervise() == [], "the node ended by itself"

    counted = {name: [float(one.value) for one in sorted(stored[ENTRY, name])] for name in expected}
    print(f"{expected} among {len(passings())} passings, {len(counted['vehicle_count_in'])} readings")
    assert {name: values[-1] for name, values in counted.items()} == expected
    assert all(values == sorted(values) for values in counted.values())
    inside = max(stored[ENTRY, "occupied_count"]).value
    assert inside == START + expected["vehicle_count_in"] - expected["vehicle_count_out"]
    assert min(expected.values()) > 10
