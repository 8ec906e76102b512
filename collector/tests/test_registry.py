"""Numbers are given once and for ever, and what leaves the inventory is not forgotten."""

from pathlib import Path

from sqlalchemy import inspect

from collector.entities.inventory import Inventory
from collector.entities.registry import Registry
from collector.metadata import metadata, open_metadata
from collector.observation import Series


def inventory(*things: str) -> Inventory:
    return Inventory.model_validate(
        {
            "city": "koper",
            "publisher": [{"id": "gw-1", "role": "gateway", "things": things}],
            "thing": [
                {
                    "id": name,
                    "name": {"sl": f"{name} sl", "it": f"{name} it", "en": f"{name} en"},
                    "location": (13.7, 45.5, 3.0),
                    "center": "environment",
                }
                for name in things
            ],
        }
    )


def test_a_thing_keeps_its_number_whatever_comes_and_goes(tmp_path: Path) -> None:
    engine = open_metadata("sqlite:registry.sqlite", tmp_path)
    first = Registry(engine, inventory("a", "b"))
    second = Registry(engine, inventory("b", "c"))
    third = Registry(engine, inventory("a", "b", "c"))
    numbers = {one.id: one.number for one in first.things}
    assert {one.id: one.number for one in third.things if one.id in numbers} == numbers
    assert [one.listed for one in second.things if one.id == "a"] == [False]
    assert third.thing_numbered(numbers["a"]) == third.thing("a")


def test_a_publisher_is_a_thing_of_the_center_it_works_for(tmp_path: Path) -> None:
    registry = Registry(open_metadata("sqlite:registry.sqlite", tmp_path), inventory("a"))
    gateway = registry.thing("gw-1")
    assert gateway
    assert (gateway.center, gateway.location, gateway.name["it"]) == ("environment", (13.7, 45.5, 3.0), "gw-1")
    assert registry.publishers["gw-1"].things == {"a", "gw-1"}


def test_a_datastream_is_made_once_when_first_seen(tmp_path: Path) -> None:
    engine = open_metadata("sqlite:registry.sqlite", tmp_path)
    registry = Registry(engine, inventory("a"))
    level, power = Series("a", "laeq", 1000), Series("a", "voltage.l1")
    registry.see([level, power, level])
    registry.see([level])
    assert [one.series for one in registry.datastreams] == [level, power]
    assert registry.datastreams_of("a") == tuple(registry.datastreams)
    again = Registry(engine, inventory("a"))
    assert again.datastreams == registry.datastreams
    assert again.datastream(registry.datastreams[0].id) == again.datastream_of(level)


def test_the_migrations_make_the_tables_the_code_names(tmp_path: Path) -> None:
    engine = open_metadata("sqlite:registry.sqlite", tmp_path)
    found = inspect(engine)
    for name, table in metadata.tables.items():
        assert {column["name"] for column in found.get_columns(name)} == {column.name for column in table.columns}
    open_metadata("sqlite:registry.sqlite", tmp_path)  # a second start changes nothing
