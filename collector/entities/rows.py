"""How does a record stand in its table? Both ways, for every kind."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, fields
from typing import Any, NamedTuple, TypeVar, cast

from sqlalchemy import Connection, RowMapping, Table, and_, delete, select

from collector import metadata
from collector.entities.records import (
    Datastream,
    Feature,
    HistoricalLocation,
    Key,
    Location,
    Placed,
    Record,
    Sampled,
    Sensor,
    Thing,
    Told,
)
from collector.metadata import insert
from collector.observation import Series

R = TypeVar("R", bound=Record)
Columns = dict[str, Any]


class _Shape(NamedTuple):
    table: Table
    read: Callable[[RowMapping], Record]
    write: Callable[[Any], Columns]


def load(connection: Connection, kind: type[R]) -> list[R]:
    """Every record of a kind, in order of its key."""
    table, read, _ = _SHAPES[kind]
    rows = connection.execute(select(table).order_by(*table.primary_key.columns)).mappings()
    return cast("list[R]", [read(row) for row in rows])


def store(connection: Connection, kind: type[Record], records: Iterable[Record]) -> None:
    """New ones, and new versions of those that are there."""
    table, _, write = _SHAPES[kind]
    rows = [write(one) for one in records]
    if rows:
        statement = insert(connection, table)
        keys = [column.name for column in table.primary_key.columns]
        updates = {name: statement.excluded[name] for name in rows[0] if name not in keys}
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=updates), rows)


def drop(connection: Connection, kind: type[Record], keys: Iterable[Key]) -> None:
    table = _SHAPES[kind].table
    columns = list(table.primary_key.columns)
    for key in keys:
        parts = key if isinstance(key, tuple) else (key,)
        wanted = [column == part for column, part in zip(columns, parts, strict=True)]
        connection.execute(delete(table).where(and_(*wanted)))


def _read_thing(row: RowMapping) -> Thing:
    place = tuple(row[key] for key in ("longitude", "latitude", "height") if row[key] is not None)
    return Thing(
        row["number"],
        row["id"],
        {language: row[f"name_{language}"] for language in ("sl", "it", "en")},
        place or None,
        row["center"],
        row["listed"],
        row["description"],
        row["properties"],
        tuple(row["locations"]),
        row["inventory"],
    )


def _write_thing(one: Thing) -> Columns:
    longitude, latitude, height, *_ = (*(one.location or ()), None, None, None)
    return {
        "number": one.number,
        "id": one.id,
        **{f"name_{language}": one.name[language] for language in ("sl", "it", "en")},
        "longitude": longitude,
        "latitude": latitude,
        "height": height,
        "center": one.center,
        "listed": one.listed,
        "description": one.description,
        "properties": one.properties,
        "locations": list(one.locations),
        "inventory": one.inventory,
    }


def _read_datastream(row: RowMapping) -> Datastream:
    told = Told(**{field.name: row[field.name] for field in fields(Told)})
    return Datastream(row["id"], Series(row["thing"], row["quantity"], row["period"]), told)


def _write_datastream(one: Datastream) -> Columns:
    return {"id": one.id, **one.series._asdict(), **asdict(one.told)}


def _read_history(row: RowMapping) -> HistoricalLocation:
    return HistoricalLocation(row["id"], row["thing"], row["time"], tuple(row["locations"]))


def _plain(kind: type[Any]) -> Callable[[RowMapping], Any]:
    return lambda row: kind(**row)


def _tuple(one: Placed | Sampled) -> Columns:
    return one._asdict()


_SHAPES: dict[Any, _Shape] = {
    Thing: _Shape(metadata.thing, _read_thing, _write_thing),
    Datastream: _Shape(metadata.datastream, _read_datastream, _write_datastream),
    Location: _Shape(metadata.location, _plain(Location), asdict),
    HistoricalLocation: _Shape(metadata.historical_location, _read_history, asdict),
    Sensor: _Shape(metadata.sensor, _plain(Sensor), asdict),
    Feature: _Shape(metadata.feature, _plain(Feature), asdict),
    Placed: _Shape(metadata.placed, _plain(Placed), _tuple),
    Sampled: _Shape(metadata.sampled, _plain(Sampled), _tuple),
}
KINDS: tuple[type[Record], ...] = tuple(_SHAPES)
