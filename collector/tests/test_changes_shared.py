"""Two collectors change the same tables at once, on SQLite and on PostgreSQL: each sees what the other has made."""

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from collector.city import City, open_city
from collector.registry import Registry
from collector.tests.asking import client_of
from collector.tests.koper import INVENTORY
from collector.tests.test_changes import PLACE, STREAM, at_once

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
def cities(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[City]]:
    if request.param == "sqlite":
        url = f"sqlite:{tmp_path / 'shared.sqlite'}"
    else:
        server, name = request.getfixturevalue("server"), f"shared{next(_databases)}"
        with psycopg.connect(f"postgresql://senzorika@/postgres?host={server}", autocommit=True) as connection:
            connection.execute(f"create database {name}")
        url = f"postgresql://senzorika@/{name}?host={server}"
    opened = [open_city(INVENTORY, tmp_path / name, "memory:", url, name) for name in ("collector", "collector-2")]
    yield opened
    for city in opened:
        city.close()


def lamp(number: int) -> dict[str, Any]:
    return {"name": f"Lamp {number}", "description": "", "Locations": [PLACE], "Datastreams": [STREAM]}


def everything(registry: Registry) -> list[object]:
    catalog = registry.catalog
    return [registry.things, registry.datastreams, catalog.locations, catalog.sensors, catalog.historical_locations,
            catalog.features, [catalog.placed(one.number) for one in registry.things]]  # fmt: skip


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
