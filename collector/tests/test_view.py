"""What does each asker see of the street, and under which names?"""

import json
from pathlib import Path

import pytest

from collector.access import ForbiddenError
from collector.access.asker import ANYONE, EVERY, Asker, Grant, Role
from collector.access.reads import Reads
from collector.city import City
from collector.entities.inventory import Inventory
from collector.observation import Series
from collector.refusals import AskedWrongError
from collector.sensorthings.entities import Entities
from collector.series.aggregation import Aggregate, Aggregation
from collector.series.query import Query
from collector.tests.households import AIR, ALL, FLAT, HALL, HEAP, HOMES, HOUR, INVENTORY, WARMTH, WATER, T, street
from collector.view import View

DAY = 24 * HOUR


@pytest.fixture
def city(tmp_path: Path) -> City:
    return street(tmp_path)


def asker(role: Role, center: str = EVERY, purpose: str = "") -> Asker:
    return Asker(f"{role}-{center}", frozenset((Grant(center, role),)), purpose)


def view(city: City, who: Asker) -> View:
    return View(city, who, Reads(city.access.audit, who, "test"))


def outward(city: City, series: Series) -> Series:
    is_personal = city.rights.of(city.registry.thing(series.thing)).is_personal  # type: ignore[arg-type]  # it is there
    return series._replace(thing=city.access.pseudonyms.of(series.thing)) if is_personal else series


OPEN, RESTRICTED, PERSONAL = [AIR], [HEAP, HALL], [FLAT, WARMTH, *WATER]
SEES = {
    "anyone": (ANYONE, OPEN),
    "a viewer of every center": (asker("viewer"), OPEN + RESTRICTED),
    "a viewer of energy": (asker("viewer", "energy"), [AIR, HALL]),
    "a viewer of governance, which owns what equipment says": (asker("viewer", "governance"), [AIR, HEAP]),
    "a viewer of the node's own center": (asker("viewer", "environment"), [AIR, HEAP]),
    "a viewer of the center above": (asker("viewer", "emergency"), OPEN + RESTRICTED),
    "a viewer with a purpose": (asker("viewer", EVERY, "curiosity"), OPEN + RESTRICTED),
    "an operator with a purpose": (asker("operator", EVERY, "pumps"), OPEN + RESTRICTED),
    "an analyst who does not say why": (asker("analyst"), OPEN + RESTRICTED),
    "an analyst with a purpose": (asker("analyst", EVERY, "losses"), OPEN + RESTRICTED + PERSONAL),
    "an analyst of water": (asker("analyst", "environment", "losses"), [AIR, HEAP, *WATER]),
    "an analyst of the center above": (asker("analyst", "emergency", "losses"), OPEN + RESTRICTED),
    "an admin with a purpose": (asker("admin", EVERY, "audit"), OPEN + RESTRICTED + PERSONAL),
}


@pytest.mark.parametrize("who", SEES)
async def test_each_asker_sees_what_was_granted_and_nothing_else_on_every_way(who: str, city: City) -> None:
    asking, expected = SEES[who]
    seen = view(city, asking)
    names = {outward(city, one) for one in expected}
    assert {one.series for one in seen.datastreams} == names
    assert {one.id for one in seen.things} >= {one.thing for one in names}
    stored = list(city.store.latest().values())
    assert {one.series for one in seen.seen(stored)} == names
    for series in ALL:
        shown = outward(city, series)
        stream = city.registry.datastream_of(series)
        assert stream is not None
        is_seen = series in expected
        assert (seen.datastream(stream.id) is not None) == is_seen
        assert (seen.last(shown) is not None) == is_seen
        assert bool(await seen.all(Query(shown, limit=1))) == is_seen
        assert bool(await seen.count(Query(shown))) == is_seen
        assert (seen.judgement(shown) is not None) == is_seen
        assert (shown in {one.series for one in seen.datastreams_of(shown.thing)}) == is_seen


def test_without_a_log_nothing_personal_is_shown(city: City) -> None:
    seen = View(city, asker("admin", EVERY, "audit"))
    assert {one.series for one in seen.datastreams} == set(OPEN + RESTRICTED)


async def test_a_household_is_named_by_its_pseudonym_alone(city: City) -> None:
    seen = view(city, asker("admin", EVERY, "audit"))
    name = city.access.pseudonyms.of("flat-1")
    number = city.registry.thing("flat-1").number  # type: ignore[union-attr]  # it is there
    for thing in (seen.thing(name), seen.thing_numbered(number)):
        assert thing is not None
        assert (thing.id, set(thing.name.values()), thing.location) == (name, {name}, None)
    assert seen.publishers_of(name) == []
    assert seen.thing("flat-1") is None
    assert seen.last(FLAT) is None
    assert await seen.all(Query(FLAT, limit=1)) == []
    (one,) = await seen.all(Query(FLAT._replace(thing=name), limit=1))
    assert (one.series.thing, one.source) == (name, "")


def test_one_personal_series_makes_the_whole_thing_personal(city: City) -> None:
    assert {one.series for one in view(city, ANYONE).datastreams} == {AIR}
    assert WARMTH not in {one.series for one in view(city, asker("viewer")).datastreams}


def test_a_household_that_left_the_inventory_stays_one(city: City) -> None:
    listed = [one for one in INVENTORY.thing if one.id != "flat-1"]
    smaller = Inventory(city="koper", thing=tuple(listed))
    city.access.protections.take_inventory(smaller)
    city.registry.take_inventory(smaller)
    assert FLAT not in {one.series for one in view(city, asker("viewer")).datastreams}
    assert city.access.protections.of_household("h-99") == ["flat-1"]


def test_a_thing_without_observations_is_shown_to_its_center_only(city: City) -> None:
    one = {"id": "new-1", "name": {"sl": "x", "it": "x", "en": "x"}, "center": "energy"}
    more = Inventory(city="koper", thing=(*INVENTORY.thing, INVENTORY.thing[0].model_validate(one)))
    city.registry.take_inventory(more)
    assert view(city, ANYONE).thing("new-1") is None
    assert view(city, asker("viewer", "living")).thing("new-1") is None
    assert view(city, asker("viewer", "energy")).thing("new-1") is not None


async def test_what_was_read_of_a_household_stands_in_the_log_before_it_leaves(city: City, tmp_path: Path) -> None:
    who = asker("analyst", "energy", "losses")
    reads = Reads(city.access.audit, who, "GET /api/series")
    seen = View(city, who, reads)
    name = city.access.pseudonyms.of("flat-1")
    seen.last(FLAT._replace(thing=name))
    seen.last(WARMTH._replace(thing=name))
    await reads.log()
    await reads.log()
    (line,) = (tmp_path / "audit.log").read_text().splitlines()
    event = json.loads(line)["event"]
    assert (event["event"], event["who"], event["why"]) == ("read", "analyst-energy", "losses")
    assert (event["what"], event["things"], event["count"]) == ("GET /api/series", [name], 1)


# ---- sums -----------------------------------------------------------------------------------------------------------


async def figures(seen: View, question: Aggregation) -> list[Aggregate]:
    return [one async for chunk in seen.aggregates(question) for one in chunk]


SUMS = Aggregation("water_volume", "day", T, T + 2 * DAY, together=True)


async def test_anyone_may_ask_for_the_sum_of_many_households(city: City) -> None:
    (first,) = await figures(view(city, ANYONE), SUMS)  # the second day has nine homes: too few
    values = [10.0 + ALL.index(series) for series in WATER]
    assert (first.window.begin, first.count, first.sum) == (T - HOUR, 12, sum(values))
    assert first.mean == pytest.approx(sum(values) / 12)
    assert (first.minimum, first.maximum, first.first, first.last) == (None, None, None, None)


async def test_who_may_see_each_sees_every_sum_whole(city: City) -> None:
    both = await figures(view(city, asker("analyst", "environment", "losses")), SUMS)
    assert [(one.count, one.minimum) for one in both] == [(12, 15.0), (9, 20.0)]


async def test_nobody_chooses_the_households_of_an_open_sum(city: City) -> None:
    chosen = frozenset(city.access.pseudonyms.of(name) for name in HOMES[1:])
    question = Aggregation("water_volume", "day", T, T + DAY, things=chosen, together=True)
    with pytest.raises(ForbiddenError, match="sums over chosen things are not open"):
        await figures(view(city, ANYONE), question)


async def test_each_household_by_itself_has_no_open_figures(city: City) -> None:
    assert await figures(view(city, ANYONE), Aggregation("water_volume", "day", T, T + DAY)) == []
    named = Aggregation("water_volume", "day", T, T + DAY, things=frozenset(HOMES))
    assert await figures(view(city, asker("admin", EVERY, "audit")), named) == []


@pytest.mark.parametrize(
    ("more", "message"), [({"percentiles": (50,)}, "percentiles: "), ({"as_of": T + DAY}, "as_of: ")]
)
async def test_a_sum_tells_no_single_value(city: City, more: dict[str, object], message: str) -> None:
    question = Aggregation("water_volume", "day", T, T + DAY, together=True, **more)  # type: ignore[arg-type]
    with pytest.raises(AskedWrongError, match=message):
        await figures(view(city, ANYONE), question)


async def test_a_question_over_too_many_windows_is_refused_with_the_number(city: City) -> None:
    question = Aggregation("water_volume", "quarter", T, T + 3000 * DAY, together=True)
    with pytest.raises(AskedWrongError, match="over 1000000 pairs"):
        await figures(view(city, ANYONE), question)


async def test_personal_sums_are_not_open(city: City) -> None:
    assert await figures(view(city, ANYONE), Aggregation("heat_energy", "day", T, T + DAY, together=True)) == []
    hall_only = await figures(
        view(city, asker("viewer", "energy")), Aggregation("heat_energy", "day", T, T + DAY, together=True)
    )
    assert [one.count for one in hall_only] == [1]


def test_a_datastream_says_who_owns_it_who_may_see_it_and_why_it_is_measured(city: City) -> None:
    seen = {one.properties["properties"]["quantity"]: one for one in Entities(view(city, ANYONE)).all("Datastreams")}
    shown = seen["no2"].properties["properties"]
    assert (shown["owner"], shown["openness"]) == ("environment", "open")
    assert shown["purpose"].startswith("information of the public")
    analyst = Entities(view(city, asker("analyst", "environment", "losses"))).all("Datastreams")
    water = [
        one.properties["properties"] for one in analyst if one.properties["properties"]["quantity"] == "water_volume"
    ]
    assert {(one["openness"], one["owner"]) for one in water} == {("aggregated", "environment")}
