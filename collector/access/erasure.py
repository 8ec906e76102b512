"""What was erased, and must not come back? A gateway keeps what it sent for weeks, and may be asked for it again."""

import json
from collections.abc import Mapping

import numpy as np
from sqlalchemy import BigInteger, Column, Engine, String, Table, select

from collector.metadata import in_turn, insert, metadata
from collector.series.batch import Batch, Positions

erased = Table(
    "erased",
    metadata,
    Column("thing", String(64), primary_key=True),
    Column("before", BigInteger, nullable=False),  # ms UTC: what was measured before is gone for good
)


class Erasures:
    """In memory and written through; asked for every batch, so it costs nothing while there is none."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._before: Mapping[str, int] = {}
        self.refresh()

    def refresh(self) -> None:
        """Learn what other collectors have erased; only in the thread that writes."""
        with self._engine.connect() as connection:
            self._before = {row.thing: row.before for row in connection.execute(select(erased))}

    def add(self, things: list[str], before: int) -> None:
        """Durable on return: from now on nothing from before that time is taken of these.

        What is gone up to a later time stays gone.
        """
        with in_turn(self._engine) as connection:
            known = connection.execute(select(erased).where(erased.c.thing.in_(things)))
            until = {**dict.fromkeys(things, before), **{row.thing: max(before, row.before) for row in known}}
            for thing, last in until.items():
                statement = insert(connection, erased).values(thing=thing, before=last)
                connection.execute(statement.on_conflict_do_update(index_elements=["thing"], set_={"before": last}))
        self._before = {**self._before, **until}

    def staying(self, batch: Batch) -> Positions | None:
        """The positions of what may be kept; None: everything."""
        if not self._before:
            return None
        before = {number: self._before.get(batch.table[number].thing, 0) for number in np.unique(batch.series).tolist()}
        if not any(before.values()):
            return None
        limits = np.array([before[number] for number in batch.series.tolist()], np.int64)
        return np.flatnonzero(batch.at - batch.table.has_period[batch.series] >= limits)

    def covers(self, content: bytes) -> bool:
        """Whether this held reading is of what was erased."""
        if not self._before:
            return False
        try:
            reading = json.loads(content)
            begun = reading["at"] - (reading.get("period", 0) > 0)
            return bool(begun < self._before.get(reading["thing"], 0))
        except (ValueError, TypeError, KeyError, RecursionError):
            return False
