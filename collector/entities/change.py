"""What does one request change? Read as it will be, written as a whole, visible to all once it is durable."""

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, select

from collector.entities import rows
from collector.entities.records import Key, Record, key_of
from collector.metadata import insert, number

R = TypeVar("R", bound=Record)

CHANGE = "change"  # counts the changes: who shares the tables sees by it that another has written
NUMBERED = {
    "Thing": "thing",
    "Datastream": "datastream",
    "Location": "location",
    "HistoricalLocation": "historical_location",
    "Sensor": "sensor",
    "Feature": "feature",
}


class Change:
    """Collected in memory; ``write`` hands it to the database in the transaction it was begun in."""

    def __init__(self, numbers: Mapping[str, int]) -> None:
        self._numbers = dict(numbers)
        self._before = numbers
        self._put: dict[Any, dict[Key, Record]] = {kind: {} for kind in rows.KINDS}
        self._dropped: dict[Any, dict[Key, Record]] = {kind: {} for kind in rows.KINDS}
        self.made_of: dict[int, int] = {}
        """Location -> the feature that was made of it."""

    @property
    def is_empty(self) -> bool:
        return not any(self._put.values()) and not any(self._dropped.values())

    @property
    def records(self) -> list[Record]:
        """What is new, or a new version."""
        return [record for of in self._put.values() for record in of.values()]

    @property
    def dropped(self) -> list[Record]:
        return [record for of in self._dropped.values() for record in of.values()]

    @property
    def numbers(self) -> dict[str, int]:
        """The last given out of each kind."""
        return self._numbers

    def number(self, kind: type[Record], wanted: int | None = None) -> int:
        """A number that this kind has never had: ``wanted``, where it is free for certain, else the next."""
        of = NUMBERED[kind.__name__]
        last = self._numbers.get(of, 0)
        self._numbers[of] = wanted if wanted is not None and wanted > last else last + 1
        return self._numbers[of]

    def put(self, record: R) -> R:
        self._dropped[type(record)].pop(key_of(record), None)
        self._put[type(record)][key_of(record)] = record
        return record

    def drop(self, record: Record) -> None:
        self._put[type(record)].pop(key_of(record), None)
        self._dropped[type(record)][key_of(record)] = record

    def is_dropped(self, record: Record) -> bool:
        return key_of(record) in self._dropped[type(record)]

    def get(self, kind: type[R], key: Key) -> R | None:
        """The version that this change has put; None where it has put none."""
        return cast("R | None", self._put[kind].get(key))

    def of(self, kind: type[R]) -> list[R]:
        """All of a kind that this change has put."""
        return cast("list[R]", list(self._put[kind].values()))

    def write(self, connection: Connection) -> None:
        self._numbers[CHANGE] = self._numbers.get(CHANGE, 0) + 1
        for kind in rows.KINDS:
            rows.drop(connection, kind, self._dropped[kind])
            rows.store(connection, kind, self._put[kind].values())
        moved = [{"of": of, "last": last} for of, last in self._numbers.items() if self._before.get(of) != last]
        statement = insert(connection, number)
        updates = {"last": statement.excluded["last"]}
        connection.execute(statement.on_conflict_do_update(index_elements=["of"], set_=updates), moved)


def read_numbers(connection: Connection) -> dict[str, int]:
    """The last that was given out of each kind, and how often anything was changed."""
    return {row.of: row.last for row in connection.execute(select(number))}
