"""What an older collector left in the tables is all there after the update, under the numbers it had."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, event, inspect
from sqlalchemy.engine import make_url

from collector import metadata
from collector.entities.inventory import Inventory
from collector.entities.registry import Registry
from collector.metadata import in_turn, open_metadata
from collector.observation import Series

from . import postgresql

THINGS = [("air-0001", 13.73, 45.548, None), ("wm-0001", None, None, None), ("tide-0001", 13.7, 45.55, 1.5)]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "sqlite":
        yield "sqlite:registry.sqlite"
        return
    place = postgresql.programs()
    if place is None:
        pytest.skip("there is no PostgreSQL here (apt install postgresql)")
    with postgresql.running(place) as server:
        with psycopg.connect(f"postgresql://senzorika@/postgres?host={server}", autocommit=True) as connection:
            connection.execute("create database old")
        yield f"postgresql://senzorika@/old?host={server}"


def old(url: str, folder: Path) -> Engine:
    """The tables as revision 0002 made them, with three things and a datastream."""
    if url.startswith("sqlite"):
        engine = create_engine(f"sqlite:///{folder / 'registry.sqlite'}")
        event.listen(engine, "connect", metadata._durable)
    else:
        engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    configuration = Config()
    configuration.set_main_option("script_location", str(Path(metadata.__file__).parent / "migrations"))
    with in_turn(engine) as connection:
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "0002")
    with engine.begin() as connection:
        for name, *place in THINGS:
            numbers = ", ".join("null" if one is None else str(one) for one in place)
            columns = "id, name_sl, name_it, name_en, longitude, latitude, height, center, listed"
            values = f"'{name}', 'sl', 'it', 'en', {numbers}, 'environment', true"
            connection.exec_driver_sql(f"insert into thing ({columns}) values ({values})")  # noqa: S608  # our own words
        connection.exec_driver_sql("insert into datastream (thing, quantity, period) values ('wm-0001', 'energy', 0)")
    return engine


def inventory(**places: tuple[float, ...] | None) -> Inventory:
    entries = [
        {
            "id": name.replace("_", "-"),
            "name": {"sl": "sl", "it": "it", "en": "en"},
            "location": place,
            "center": "environment",
        }
        for name, place in places.items()
    ]
    return Inventory.model_validate({"city": "koper", "thing": entries})


AS_BEFORE = {"air_0001": (13.73, 45.548), "wm_0001": None, "tide_0001": (13.7, 45.55, 1.5)}


def test_what_had_a_number_keeps_it(url: str, tmp_path: Path) -> None:
    old(url, tmp_path)
    registry = Registry(open_metadata(url, tmp_path), inventory(**AS_BEFORE, bell_0001=(13.729, 45.5485)))
    assert [(one.number, one.id) for one in registry.things] == [
        (1, "air-0001"), (2, "wm-0001"), (3, "tide-0001"), (4, "bell-0001"),
    ]  # fmt: skip
    catalog = registry.catalog
    assert [(one.id, one.thing) for one in catalog.locations] == [(1, 1), (3, 3), (4, 4)]
    assert [(one.id, one.location) for one in catalog.features] == [(1, 1), (3, 3), (4, 4)]
    assert [(one.id, one.thing) for one in catalog.sensors] == [(1, 1), (2, 2), (3, 3), (4, 4)]
    assert [(one.id, one.thing, one.locations) for one in catalog.historical_locations] == [
        (1, 1, (1,)), (3, 3, (3,)), (4, 4, (4,)),
    ]  # fmt: skip
    place = catalog.location(3)
    assert place
    assert place.location == {"type": "Point", "coordinates": [13.7, 45.55, 1.5]}
    assert registry.things_at(3) == [3]
    assert registry.datastream_of(Series("wm-0001", "energy")) == registry.datastream(1)


def test_what_comes_after_gets_numbers_of_its_own(url: str, tmp_path: Path) -> None:
    old(url, tmp_path)
    registry = Registry(open_metadata(url, tmp_path), inventory(**AS_BEFORE))
    registry.see([Series("wm-0001", "energy"), Series("wm-0001", "power")])
    assert [one.id for one in registry.datastreams] == [1, 2]
    registry.take_inventory(inventory(**{**AS_BEFORE, "wm_0001": (13.7, 45.5), "air_0001": (13.8, 45.5)}))
    moved = registry.thing("air-0001")
    assert moved
    assert (moved.number, moved.location, moved.locations) == (1, (13.8, 45.5), (4,))
    again = Registry(open_metadata(url, tmp_path), inventory(**AS_BEFORE))
    assert [one.locations for one in again.catalog.history_of(1)] == [(1,), (4,), (1,)]


def test_the_migrations_make_the_tables_the_code_names(url: str, tmp_path: Path) -> None:
    old(url, tmp_path)
    engine = open_metadata(url, tmp_path)
    found = inspect(engine)
    for name, table in metadata.metadata.tables.items():
        assert {column["name"] for column in found.get_columns(name)} == {column.name for column in table.columns}
    open_metadata(url, tmp_path)  # a second start changes nothing
