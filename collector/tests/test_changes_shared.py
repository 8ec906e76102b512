"""Two collectors change the same tables at once, on SQLite and on PostgreSQL: each sees what the other has made."""

import asyncio
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.city import City, open_city
from collector.entities.registry import Registry
from collector.tests.asking import client_of
from collector.tests.koper import INVENTORY
from collector.tests.test_changes import OBSERVATION, PLACE, SENSOR, STREAM, at_once, cut_off

from . import postgresql

_databases = itertools.count(1)


@pytest.fixture(scope="module")
def server() -> Iterator[Path]:
    place = postgresql.programs()
    if place is None:
        pytest.skip("there is no PostgreSQL here (apt install postgresql)")
    with postgresql.running(place) as folder:
        yield folder


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Tables that nobody has used."""
    if request.param == "sqlite":
        return f"sqlite:{tmp_path / 'shared.sqlite'}"
    server, name = request.getfixturevalue("server"), f"shared{next(_databases)}"
    with psycopg.connect(f"postgresql://senzorika@/postgres?host={server}", autocommit=True) as connection:
        connection.execute(f"create database {name}")
    return f"postgresql://senzorika@/{name}?host={server}"


@pytest.fixture
def cities(url: str, tmp_path: Path) -> Iterator[list[City]]:
    opened = [open_city(INVENTORY, tmp_path / name, "memory:", url, name) for name in ("collector", "collector-2")]
    yield opened
    for city in opened:
        city.close()


def lamp(number: int) -> dict[str, Any]:
    return {"name": f"Lamp {number}", "description": "", "Locations": [PLACE], "Datastreams": [STREAM]}


def everything(registry: Registry) -> list[object]:
    """All that is known, and what was found out about it."""
    catalog = registry.catalog
    things, streams = registry.things, registry.datastreams
    return [
        things,
        [(one, one.told) for one in streams],
        [registry.datastreams_of(one.id) for one in things],
        [(one, registry.things_at(one.id), catalog.history_at(one.id)) for one in catalog.locations],
        [(one, registry.measured_with(one.id)) for one in catalog.sensors],
        [
            (catalog.history_of(one.number), catalog.placed(one.number), catalog.own_sensor(one.number))
            for one in things
        ],
        [(one, catalog.sampled_of(one.id), catalog.things_of_feature(one.id)) for one in catalog.features],
        [catalog.generated(one.id) for one in catalog.locations],
    ]


async def test_what_one_has_made_the_other_sees_and_goes_on_from(cities: list[City]) -> None:
    first, second = cities
    assert [one.status_code for one in await at_once(first, "/Things", [lamp(1)])] == [201]
    (made,) = await at_once(second, "/Things", [lamp(2)])  # without having looked before
    assert made.headers["location"].endswith("/Things(8)")
    first.registry.refresh()
    assert everything(first.registry) == everything(second.registry)
    changed = client_of(first).patch("/v1.1/Things(8)", json={"description": "of the other"})
    assert changed.status_code == 200
    assert client_of(second).delete("/v1.1/Things(7)").status_code == 200
    for city in cities:
        city.registry.refresh()
    assert everything(first.registry) == everything(second.registry)
    thing = second.registry.thing_numbered(8)
    assert thing
    assert (thing.description, second.registry.thing_numbered(7)) == ("of the other", None)


async def test_two_that_create_at_once_give_each_number_once(cities: list[City]) -> None:
    answers = await asyncio.gather(
        *(at_once(city, "/Things", [lamp(number) for number in range(8)]) for city in cities)
    )
    found = [one.headers["location"] for several in answers for one in several]
    assert len(set(found)) == 16
    for city in cities:
        city.registry.refresh()
    assert everything(cities[0].registry) == everything(cities[1].registry)
    assert len(cities[0].registry.datastreams) == 16


async def test_of_two_that_make_the_same_one_is_told(cities: list[City]) -> None:
    body = {"name": "a", "description": "", "properties": {"id": "lamp-1"}}
    answers = await asyncio.gather(*(at_once(city, "/Things", [body]) for city in cities))
    assert sorted(one.status_code for several in answers for one in several) == [201, 409]


def test_what_has_not_changed_is_not_read_again(cities: list[City]) -> None:
    first, second = cities
    second.registry.refresh()
    thing, revision = second.registry.thing("bus-0001"), second.registry.revision
    second.registry.refresh()
    assert second.registry.revision == revision
    assert client_of(first).patch("/v1.1/Things(1)", json={"description": "x"}).status_code == 200
    second.registry.refresh()
    assert second.registry.thing("bus-0001") is thing
    spot = second.registry.thing("spot-0001")
    assert spot
    assert spot.description == "x"


@pytest.mark.parametrize("cut", ["before", "between"])
def test_a_collector_that_is_killed_leaves_whole_entities_or_none(url: str, tmp_path: Path, cut: str) -> None:
    cut_off(tmp_path / "city", cut, url).close()


FEATURE = {"name": "Bay", "description": "", "encodingType": "text/plain", "feature": "x"}
OTHER = {**PLACE, "location": {"type": "Point", "coordinates": [13.7, 45.5]}}
# (method, path, body); {n} is one of a few numbers, which may be there or not
REQUESTS: list[tuple[str, str, Any]] = [
    ("POST", "/Things", {"name": "Lamp", "description": ""}),
    ("POST", "/Things", lamp(1)),
    ("POST", "/Things", {"name": "Lamp", "description": "", "Locations": [{"@iot.id": 7}]}),
    ("POST", "/Locations", PLACE),
    ("POST", "/Sensors", SENSOR),
    ("POST", "/FeaturesOfInterest", FEATURE),
    ("POST", "/Things({n})/Locations", OTHER),
    ("POST", "/Things({n})/Datastreams", STREAM),
    ("POST", "/Things({n})/HistoricalLocations", {"time": "2020-01-01T00:00:00Z", "Locations": [{"@iot.id": 8}]}),
    ("POST", "/Datastreams({n})/Observations", {**OBSERVATION, "FeatureOfInterest": {"@iot.id": 7}}),
    ("PATCH", "/Things({n})", {"description": "new", "properties": {"a": [1]}}),
    ("PATCH", "/Things({n})", {"Locations": [{"@iot.id": 8}]}),
    ("PATCH", "/Locations({n})", {"location": OTHER["location"]}),
    ("PATCH", "/Datastreams({n})", {"Sensor": {"@iot.id": 8}}),
    ("PATCH", "/HistoricalLocations({n})", {"time": "2021-01-01T00:00:00Z"}),
    ("DELETE", "/Things({n})", None),
    ("DELETE", "/Locations({n})", None),
    ("DELETE", "/Datastreams({n})", None),
    ("DELETE", "/Sensors({n})", None),
    ("DELETE", "/HistoricalLocations({n})", None),
    ("DELETE", "/FeaturesOfInterest({n})", None),
]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(REQUESTS), st.sampled_from([1, 2, 5, 7, 8, 9])), min_size=4, max_size=20))
def test_whatever_was_asked_memory_and_tables_say_the_same(asked: list[tuple[tuple[str, str, Any], int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        city = open_city(INVENTORY, Path(folder), "memory:")
        client = client_of(city)
        for (method, path, body), number in asked:
            answer = client.request(method, f"/v1.1{path.format(n=number)}", json=body)
            assert answer.status_code < 500, answer.text
        assert everything(city.registry) == everything(Registry(city.engine, INVENTORY))
        city.close()
