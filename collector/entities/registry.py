"""Who and what is in the city: things, publishers with what they may speak for, datastreams, places?"""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from sqlalchemy import Connection, Engine

from collector.clock import now
from collector.entities import rows
from collector.entities.catalog import Catalog
from collector.entities.change import CHANGE, Change, read_numbers
from collector.entities.enlisting import enlist
from collector.entities.inventory import Inventory
from collector.entities.known import Known
from collector.entities.records import Datastream, Publisher, Record, Thing
from collector.metadata import in_turn
from collector.observation import Series

__all__ = ("Datastream", "Publisher", "Registry", "Thing")

T = TypeVar("T")


class Registry:
    """Everything in memory, written through. Written by the one writer; readable from every thread."""

    def __init__(self, engine: Engine, inventory: Inventory) -> None:
        self._engine = engine
        self.city = inventory.city
        self.revision = 0
        """Grows after anything of what is here has changed."""
        self._known = Known()
        self._numbers: dict[str, int] = {}  # the last that was given out of each kind
        self.refresh()
        self.take_inventory(inventory)

    # ---- the writer -------------------------------------------------------------------------------------------------

    def change(self, job: Callable[[Change], T]) -> T:
        """What ``job`` returns; all that it put is durable then. When it raises, nothing has changed.

        Only in the thread that writes. Raises sqlalchemy's DBAPIError.
        """
        with in_turn(self._engine) as connection:
            self._catch_up(connection)
            change = Change(self._numbers)
            answer = job(change)
            if not change.is_empty:
                change.write(connection)
        if not change.is_empty:
            self._apply(change)
        return answer

    def refresh(self) -> None:
        """Learn what other collectors have changed; only in the thread that writes."""
        with self._engine.connect() as connection:
            self._catch_up(connection)

    def take_inventory(self, inventory: Inventory) -> None:
        """Take another inventory of the same city; durable on return.

        What is new gets its number, what is gone stays without being listed, and a publisher that is gone may
        speak for nothing any more. What was made over HTTP stays.
        """
        self.change(lambda change: enlist(inventory, self._known, change, now()))
        self.publishers: Mapping[str, Publisher] = {
            entry.id: Publisher(entry.id, entry.role, frozenset((*entry.things, entry.id)))
            for entry in inventory.publisher
        }
        self.revision += 1

    def see(self, several: Iterable[Series]) -> None:
        """Give every series that has none yet its datastream; durable on return."""
        new = [series for series in dict.fromkeys(several) if self.datastream_of(series) is None]
        if new:
            self.change(lambda change: self._see(change, new))

    def _see(self, change: Change, new: list[Series]) -> None:
        for one in new:
            if self.datastream_of(one) is None:  # perhaps another collector has made it meanwhile
                change.put(Datastream(change.number(Datastream), one))

    def _catch_up(self, connection: Connection) -> None:
        numbers = read_numbers(connection)
        if numbers.get(CHANGE) == self._numbers.get(CHANGE) and self._numbers:
            return
        known = Known()
        for kind in rows.KINDS:
            for record in rows.load(connection, kind):
                known.take(_unless_known(record, self._known))
        self._known, self._numbers = known, numbers
        self.revision += 1

    def _apply(self, change: Change) -> None:
        for record in change.dropped:
            self._known.forget(record)
        for record in change.records:
            self._known.take(record)
        self._numbers = change.numbers
        self.revision += 1

    # ---- everybody ------------------------------------------------------------------------------------------------

    @property
    def catalog(self) -> Catalog:
        """Places, sensors and features."""
        return self._known.catalog

    @property
    def known(self) -> Known:
        """All of it at one moment, for the writer."""
        return self._known

    @property
    def things(self) -> list[Thing]:
        """In order of their numbers."""
        return self._known.things

    def thing(self, identifier: str) -> Thing | None:
        return self._known.thing(identifier)

    def thing_numbered(self, number: int) -> Thing | None:
        return self._known.thing_numbered(number)

    def things_at(self, location: int) -> list[int]:
        """The numbers of the things that are there now."""
        return self._known.things_at(location)

    @property
    def datastreams(self) -> list[Datastream]:
        """In order of their ids."""
        return self._known.datastreams

    def datastream(self, identifier: int) -> Datastream | None:
        return self._known.datastream(identifier)

    def datastream_of(self, series: Series) -> Datastream | None:
        return self._known.datastream_of(series)

    def datastreams_of(self, identifier: str) -> tuple[Datastream, ...]:
        """The datastreams of one thing, in order of their ids."""
        return self._known.datastreams_of(identifier)

    def measured_with(self, sensor: int) -> list[int]:
        """The datastreams of a sensor that is not their thing's own."""
        return self._known.measured_with(sensor)


def _unless_known(record: Record, known: Known) -> Record:
    """The same object while nothing has changed: who remembers what it found out about it need not start again."""
    match record:
        case Thing():
            thing = known.thing_numbered(record.number)
            return thing if thing is not None and thing == record else record
        case Datastream():
            stream = known.datastream(record.id)
            return stream if stream is not None and stream == record and stream.told == record.told else record
    return record
