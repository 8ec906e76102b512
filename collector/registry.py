"""Who and what is in the city: things, publishers with what they may speak for, and datastreams?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, RowMapping, select, update

from collector.inventory import Inventory, ThingEntry
from collector.metadata import datastream, in_turn, insert, thing
from collector.observation import Series


@dataclass(frozen=True, slots=True)
class Thing:
    """What is measured. A publisher is a thing too: its state is observed."""

    number: int
    """Stable, never given again."""
    id: str
    name: dict[str, str]
    """By language: sl, it, en."""
    location: tuple[float, ...] | None
    """(longitude, latitude) or (longitude, latitude, height in m), WGS 84."""
    center: str
    """The one center that owns its observations."""
    listed: bool
    """False: no longer in the inventory; its observations are still there."""


@dataclass(frozen=True, slots=True)
class Publisher:
    id: str
    role: str
    """node, gateway, center or reader."""
    things: frozenset[str]
    """The things it may speak for, itself among them."""


@dataclass(frozen=True, slots=True)
class Datastream:
    id: int
    """Stable, never given again."""
    series: Series


class Registry:
    """Everything in memory, written through. Written by the one writer; readable from every thread."""

    def __init__(self, engine: Engine, inventory: Inventory) -> None:
        self._engine = engine
        self.city = inventory.city
        self.revision = 0
        """Grows after anything of what is here has changed."""
        self.take_inventory(inventory)
        self._datastreams: dict[int, Datastream] = {}
        self._series: dict[Series, Datastream] = {}
        self._by_thing: dict[str, tuple[Datastream, ...]] = {}
        self.refresh()

    def refresh(self) -> None:
        """Learn which datastreams other collectors have made; only in the thread that writes."""
        with self._engine.connect() as connection:
            for row in connection.execute(select(datastream).order_by(datastream.c.id)):
                if row.id not in self._datastreams:
                    self._take(_datastream(row))

    def take_inventory(self, inventory: Inventory) -> None:
        """Take another inventory of the same city; durable on return.

        What is new gets its number, what is gone stays without being listed, and a publisher that is gone may
        speak for nothing any more. Each mapping is exchanged as a whole, so readers need no lock.
        """
        with in_turn(self._engine) as connection:
            things = _write_things(connection, inventory)
        self._things = things
        self._numbers = {one.number: one for one in things.values()}
        self.publishers: Mapping[str, Publisher] = {
            entry.id: Publisher(entry.id, entry.role, frozenset((*entry.things, entry.id)))
            for entry in inventory.publisher
        }
        self.revision += 1

    @property
    def things(self) -> list[Thing]:
        """In order of their numbers."""
        return sorted(self._things.values(), key=lambda one: one.number)

    def thing(self, identifier: str) -> Thing | None:
        return self._things.get(identifier)

    def thing_numbered(self, number: int) -> Thing | None:
        return self._numbers.get(number)

    @property
    def datastreams(self) -> list[Datastream]:
        """In order of their ids."""
        return sorted(self._datastreams.copy().values(), key=lambda one: one.id)

    def datastream(self, identifier: int) -> Datastream | None:
        return self._datastreams.get(identifier)

    def datastream_of(self, series: Series) -> Datastream | None:
        return self._series.get(series)

    def datastreams_of(self, identifier: str) -> tuple[Datastream, ...]:
        """The datastreams of one thing, in order of their ids."""
        return self._by_thing.get(identifier, ())

    def see(self, several: Iterable[Series]) -> None:
        """Give every series that has none yet its datastream; durable on return."""
        new = [series for series in dict.fromkeys(several) if series not in self._series]
        if not new:
            return
        columns = datastream.c
        made = []
        with self._engine.begin() as connection:
            for one in new:  # perhaps another collector has made it meanwhile
                connection.execute(insert(connection, datastream).values(one._asdict()).on_conflict_do_nothing())
                own = (columns.thing == one.thing, columns.quantity == one.quantity, columns.period == one.period)
                made.append(connection.execute(select(datastream).where(*own)).one())
        for row in made:
            self._take(_datastream(row))

    def _take(self, one: Datastream) -> None:
        self._by_thing[one.series.thing] = (*self.datastreams_of(one.series.thing), one)
        self._datastreams[one.id] = one
        self._series[one.series] = one
        self.revision += 1


def _write_things(connection: Connection, inventory: Inventory) -> dict[str, Thing]:
    entries = {entry.id: _columns(entry) for entry in inventory.thing}
    for publisher in inventory.publisher:
        if publisher.role in ("node", "gateway") and publisher.id not in entries:
            first = entries[publisher.things[0]] if publisher.things else {}
            names = dict.fromkeys(("name_sl", "name_it", "name_en"), publisher.id)
            entries[publisher.id] = {"center": "administration", **first, **names}
    known = {row.id: row._mapping for row in connection.execute(select(thing))}  # noqa: SLF001  # SQLAlchemy's public name for a row as a mapping
    for identifier, columns in entries.items():
        values = {**columns, "listed": True}
        if identifier not in known:
            connection.execute(insert(connection, thing).values(id=identifier, **values))
        elif any(known[identifier][name] != value for name, value in values.items()):
            connection.execute(update(thing).where(thing.c.id == identifier).values(values))
    for identifier, row in known.items():
        if row["listed"] and identifier not in entries:
            connection.execute(update(thing).where(thing.c.id == identifier).values(listed=False))
    return {row.id: _thing(row._mapping) for row in connection.execute(select(thing))}  # noqa: SLF001  # see above


def _columns(entry: ThingEntry) -> dict[str, object]:
    place = [*(entry.location or ()), None, None, None]
    return {
        "name_sl": entry.name.sl,
        "name_it": entry.name.it,
        "name_en": entry.name.en,
        "longitude": place[0],
        "latitude": place[1],
        "height": place[2],
        "center": entry.center,
    }


def _datastream(row: Row[Any]) -> Datastream:
    return Datastream(row.id, Series(row.thing, row.quantity, row.period))


def _thing(row: RowMapping) -> Thing:
    place = tuple(row[key] for key in ("longitude", "latitude", "height") if row[key] is not None)
    name = {language: row[f"name_{language}"] for language in ("sl", "it", "en")}
    return Thing(row["number"], row["id"], name, place or None, row["center"], row["listed"])
