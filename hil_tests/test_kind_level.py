"""Floods in an underpass through the real stack, in real time: the warning is at the API within two seconds."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hil_tests.cities import kind_city
from hil_tests.cities.city import VirtualCity
from hil_tests.instruments.process import BenchError, find, wait_until
from hil_tests.judging.comparison import Stored
from hil_tests.judging.verdict import fetch
from provisioning import release

try:
    find("micropython")
except BenchError as missing:
    pytest.skip(str(missing), allow_module_level=True)

WARNING_MS = 2000
FLOOD_MM = 200
# The water comes again and again: on a busy machine a node may be built late, and a look or a step on the way may wait.
RISES_S = range(22, 150, 16)
STAYS_S = 6
HELD_UP_S = 7  # what was asked while the water stood may be stamped so much later


def levels(rise: float, lead: float) -> list[tuple[float, float]]:
    """From the dry floor in ``rise`` seconds, begun ``lead`` seconds early."""
    found = []
    for begin in RISES_S:
        top = begin - lead + rise
        found += [(begin - lead, 5.0), (top, 5 + 390.0), (begin + STAYS_S, 395.0), (begin + STAYS_S + 0.1, 5.0)]
    return found


LEVELS = {
    "subway-01": levels(0.1, 0.05),  # a wave, with a float
    "subway-02": levels(8, 4),  # by 49 mm a second, without
    "subway-03": levels(0.1, 0.05),  # a float alone
}
"""Each crosses the threshold in the second of its rise."""
LEAFY = "subway-04"  # one echo in eight comes from a leaf; no two in a row agree before the 1271st
WIRED = {"subway-02": ["sensor"], "subway-03": ["float"]}


@pytest.fixture
def city(tmp_path: Path) -> Iterator[VirtualCity]:
    release.application()  # made once for all nodes, and before the water comes
    settings = {"period_ms": 1000, "fast_ms": 200, "height_mm": 3000, "thresholds_mm": [30, FLOOD_MM]}
    plans = []
    for name, water in LEVELS.items():
        sensor = {"levels": water, "float_mm": FLOOD_MM, "sensors": WIRED.get(name, ["sensor", "float"])}
        plans.append(kind_city.plan(name, "level", sensor, settings))
    sensor = {"levels": [(0, 5)], "outliers": 0.12}
    plans.append(kind_city.plan(LEAFY, "level", sensor, {**settings, "period_ms": 200}))
    with kind_city.running(tmp_path / "city", *plans) as running:
        yield running


def warnings(began: int, stored: list[Stored]) -> list[int]:
    """Ms from the threshold to the API, of each rise before which the node was calm; no warning is without a rise."""
    rises = [(began + 1000 * rise, began + 1000 * (rise + STAYS_S)) for rise in RISES_S]
    for change in kind_city.changes_of(stored):
        if change.value == "flooded":
            assert any(begin <= change.at <= end + 1000 * HELD_UP_S for begin, end in rises), "a flood without water"
    found, dry_since = [], began
    for begin, end in rises:
        was_calm = any(one.value == "dry" and dry_since <= one.at < begin for one in stored)
        dry_since = end
        told = sorted(one for one in stored if one.value == "flooded" and begin <= one.at <= end)
        if was_calm and told:
            assert all(one.value == "flooded" for one in stored if told[0].at <= one.at <= end), "it has not gone"
            assert told[0].known is not None
            found.append(told[0].known - begin)
    return found


@pytest.mark.slow
def test_a_flood_is_known_to_the_city_within_two_seconds_and_a_leaf_is_none(city: VirtualCity) -> None:
    began = kind_city.begun_ms(city)

    def told() -> dict[str, list[int]]:
        stored = fetch(city.door, LEVELS)
        return {name: warnings(began, stored.get((name, "flood_state"), [])) for name in LEVELS}

    def everyone_was_warned() -> bool:
        return all(min(late, default=WARNING_MS) < WARNING_MS for late in told().values())

    wait_until(everyone_was_warned, "a warning in time of each", RISES_S.stop, 0.2)
    print("ms from the threshold to the API:", told())

    def leaves() -> int:
        seen = fetch(city.door, [LEAFY])[LEAFY, "level"]
        return sum(float(one.value) > FLOOD_MM / 1000 for one in seen)

    wait_until(lambda: leaves() >= 3, "leaves", step=0.2)
    stored = fetch(city.door, [LEAFY])
    assert "flooded" not in {one.value for one in stored[LEAFY, "flood_state"]}
    print(f"{leaves()} leaves among {len(stored[LEAFY, 'level'])} echoes, no flood")
