"""Cars at the entry of a car park, 20 times as fast, through the real stack: each is counted once, in its direction."""

import random
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from hil_tests import kind_city
from hil_tests.city import VirtualCity
from hil_tests.instruments.beams import Passing, truth
from hil_tests.instruments.fast_time import starting_at
from hil_tests.instruments.process import BenchError, find, wait_until
from hil_tests.verdict import fetch

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
def test_every_car_is_counted_once_though_the_node_is_killed(city: VirtualCity) -> None:
    began = kind_city.begun_ms(city)

    def is_over(second: float) -> bool:
        return city.plan.clock.now_ms() > began + second * 1000

    for at in (250.0, 400.0):
        wait_until(partial(is_over, at), f"second {at}", 60)
        city.kill(f"node-{ENTRY}", pause=0.2)
    wait_until(partial(is_over, END_S + 60), "the end", 90)
    stored = fetch(city.door, [ENTRY])
    assert city.supervise() == [], "the node ended by itself"

    counted = {name: [float(one.value) for one in sorted(stored[ENTRY, name])] for name in truth([], 0)}
    expected = truth(passings(), END_S)
    print(f"{expected} among {len(passings())} passings, {len(counted['vehicle_count_in'])} readings")
    assert {name: values[-1] for name, values in counted.items()} == expected
    assert all(values == sorted(values) for values in counted.values())
    inside = max(stored[ENTRY, "occupied_count"]).value
    assert inside == START + expected["vehicle_count_in"] - expected["vehicle_count_out"]
    assert min(expected.values()) > 10
