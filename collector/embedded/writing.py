"""What of a batch is new, and how is it written? By the one connection that writes, in one transaction."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from collector.embedded.answers import as_store_error
from collector.embedded.columns import table_of
from collector.embedded.marks import CONTENT
from collector.embedded.source import observations as source_of
from collector.embedded.source import one_row
from collector.observation import Observation, Series
from collector.series.batch import Batch, Positions
from collector.series.newest import Newest
from collector.series.series_table import SeriesTable
from collector.store import Added

_INSERT = "insert into observation select * from batch"
_NOT_KEPT = """
select position from batch where not exists (
    select 1 from {source} kept
    where kept."at" between ? and ? and kept.series = batch.series and kept."at" = batch."at"
    and kept.number is not distinct from batch.number and kept.text is not distinct from batch.text
    and kept.source = batch.source and kept.mark % {content} = batch.mark % {content})
order by position"""
_LATEST = """
select position, max(kept.known) from batch join {source} kept on kept.series = batch.series and kept."at" = batch."at"
where kept."at" between ? and ? group by position"""
_EXPIRED = "select series, before from expired where series <= ?"

BEYOND = "at: beyond retention: the raw data of its time has expired, and its roll-ups are closed"
TOO_MANY = "at: too many versions of one observation at once"
MOST_VERSIONS = 10  # of one observation in one batch: each moves the time on by 1 ms at which all others become known


class Writing:
    """Used by one thread at a time; ``has_versions`` and ``expired`` may be read by all."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, sealed: Path, newest: Newest, table: SeriesTable) -> None:
        """``table`` holds the series that are in the file, and no others yet."""
        self._writer = connection
        self._sealed = sealed
        self._newest = newest
        self._table = table
        self.registered = len(table)
        """So many series of the table are in the file."""
        self.has_versions = one_row(connection, "select count(*) from superseded") != (0,)
        self.expired = np.zeros(len(table), np.int64)
        """By series: the raw data of windows that begin before this instant (ms UTC) is gone."""
        gone = connection.execute(_EXPIRED, [len(table)]).fetchall()
        self.expire({number - 1: before for number, before in gone})

    def add(self, observations: Batch, now: int) -> Added:
        """As ``Store.add``."""
        refused = [(position, "not finite") for position in observations.unstorable().tolist()]
        refused += [(position, BEYOND) for position in self._beyond(observations).tolist()]
        places = np.delete(np.arange(len(observations)), [position for position, _ in refused])
        taken = observations.take(places)
        fresh, doubtful = self._newest.split(taken)
        known = max(now, self._newest.known + 1)
        kept = taken.take(fresh, np.full(len(fresh), known))
        new_series = self._table.since(self.registered)
        with as_store_error():
            self._writer.begin()
            try:
                self._register(new_series)
                self._insert(kept)
                new = self._not_kept(taken, doubtful)
                few, many = _at_most(MOST_VERSIONS, taken, new)
                versions, replaced = self._versions(taken.take(few), known + 1)
                self._insert(versions)
                if replaced:
                    self._writer.executemany("insert into superseded values (?, ?, ?)", replaced)
                    self.has_versions = True  # before anyone can see them
                self._writer.commit()
            except BaseException:
                self._roll_back()
                raise
        self.registered += len(new_series)
        if len(versions):
            kept = Batch.joined(self._table, [kept, versions])
        self._newest.take(kept)
        return Added(kept, refused + [(int(places[position]), TOO_MANY) for position in many])

    def _register(self, several: list[tuple[int, Series]]) -> None:
        if several:
            columns = list(zip(*((number + 1, *series) for number, series in several), strict=True))
            with self._batch(pa.table([list(one) for one in columns], ["id", "thing", "quantity", "period"])):
                self._writer.execute("insert into series select * from batch")

    def _beyond(self, observations: Batch) -> Positions:
        """Where the window of an observation is closed, because its raw data has expired."""
        if not self.expired.any():
            return np.empty(0, np.int64)
        if len(self.expired) < len(self._table):
            self.expire({})
        series = observations.series
        return np.flatnonzero(observations.at - self._table.has_period[series] < self.expired[series])

    def expire(self, before: dict[int, int]) -> None:
        """Nothing older is taken any more: series number -> instant, ms UTC."""
        grown = np.zeros(len(self._table), np.int64)
        grown[: len(self.expired)] = self.expired
        for number, instant in before.items():
            grown[number] = instant
        self.expired = grown

    def _insert(self, several: Batch) -> None:
        if len(several):
            with self._batch(table_of(several)):
                self._writer.execute(_INSERT)

    @contextmanager
    def _batch(self, table: pa.Table) -> Iterator[None]:
        """The observations as the table ``batch``: by way of Arrow, at a fifth of the cost of parameters."""
        self._writer.register("batch", table)
        try:
            yield
        except BaseException:
            with suppress(duckdb.Error):  # what went wrong is to be heard, not that nothing goes after it
                self._writer.unregister("batch")
            raise
        self._writer.unregister("batch")

    def _not_kept(self, taken: Batch, doubtful: Positions) -> Positions:
        """The positions of what is not in the store, each content once, where it came first."""
        if not len(doubtful):
            return doubtful
        several = taken.take(doubtful)
        begin, end = int(several.at.min()), int(several.at.max())
        source = source_of(self._writer, self._sealed, begin, end + 1)
        with self._batch(_numbered(several)):
            statement = _NOT_KEPT.format(source=source, content=CONTENT)
            found = [position for (position,) in self._writer.execute(statement, [begin, end]).fetchall()]
        new = np.array(found, np.int64)
        return doubtful[new[_distinct(several.take(new))]]

    def _versions(self, once: Batch, known: int) -> tuple[Batch, list[tuple[int, int, int]]]:
        """Each with the time it becomes known, and (series id, at, known) of those that are the latest no longer.

        The versions of one observation become known one after the other, from ``known`` on.
        """
        if not len(once):
            return once, []
        begin, end = int(once.at.min()), int(once.at.max())
        source = source_of(self._writer, self._sealed, begin, end + 1)
        with self._batch(_numbered(once)):
            latest = dict(self._writer.execute(_LATEST.format(source=source), [begin, end]).fetchall())
        times, replaced = [], []
        own: dict[tuple[int, int], int] = {}
        for position, identity in enumerate(zip((once.series + 1).tolist(), once.at.tolist(), strict=True)):
            before = own.get(identity, latest.get(position))
            if before is not None:
                replaced.append((*identity, before))
            own[identity] = known if before is None else max(known, before + 1)
            times.append(own[identity])
        return once.take(np.arange(len(once)), np.array(times, np.int64)), replaced

    def warm_up(self) -> None:
        """The first insert of a process costs a third of a second: pay before the first reading waits for it."""
        one = Batch.of(SeriesTable(), [Observation(Series("warm-up", "temperature"), 0, 0.0)])
        self._writer.begin()
        self._insert(one)
        self._not_kept(one, np.zeros(1, np.int64))
        self._writer.rollback()

    def _roll_back(self) -> None:
        try:
            self._writer.rollback()
        except duckdb.TransactionException:
            return  # a COMMIT that failed has already rolled back


def _numbered(batch: Batch) -> pa.Table:
    return table_of(batch).append_column("position", pa.array(range(len(batch)), pa.int32()))


def _distinct(batch: Batch) -> Positions:
    """The positions of each content of each observation, where it came first."""
    first: dict[tuple[int, int, tuple[Any, ...]], int] = {}
    for position, (series, at) in enumerate(zip(batch.series.tolist(), batch.at.tolist(), strict=True)):
        first.setdefault((series, at, batch.content(position)), position)
    return np.array(list(first.values()), np.int64)


def _at_most(count: int, batch: Batch, positions: Positions) -> tuple[Positions, list[int]]:
    """The first so many of each observation, and the others."""
    seen: Counter[tuple[int, int]] = Counter()
    few: list[int] = []
    many: list[int] = []
    for position in positions.tolist():
        identity = int(batch.series[position]), int(batch.at[position])
        seen[identity] += 1
        (few if seen[identity] <= count else many).append(position)
    return np.array(few, np.int64), many
