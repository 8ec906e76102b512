"""How are observations kept in InfluxDB 1.x, 2.x or 3? Line protocol in, InfluxQL out; the last arrival wins."""

from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from operator import attrgetter
from pathlib import Path
from time import monotonic
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from collector.compiled import library
from collector.influx.address import Address, parse_address
from collector.influx.connection import InfluxConnection
from collector.influx.erasing import erase_series
from collector.influx.lines import C_SOURCE, LineMaker
from collector.influx.questions import count_series, in_order, read_all_things, read_newest, read_series
from collector.influx.writing import Writers
from collector.observation import Observation, Series
from collector.series.aggregation import Aggregate, Aggregation, per_thing, together
from collector.series.batch import Batch, Int64s, Positions
from collector.series.newest import LastColumns, Newest
from collector.series.query import Query
from collector.series.series_table import SeriesTable
from collector.store import Added, Columns, ColumnsOfRows, Keep, NotOfferedError, Rows, StoreError

LINES = {1: 20_000, 2: 5_000, 3: 50_000}
"""Per request, by version: all take 10 MB; 1 and 2 answer slowly long before, 3 answers once per flush of its log."""
LOOK = 10_000  # ms between two looks at what other collectors wrote
RECENT = 600_000  # ms that such a look goes back
PATIENCE = 5.0  # s: then a fetch returns what it has; InfluxDB gives some 100,000 observations a second
OPENING = 300.0  # s: the newest of every series takes a walk through all of them

_NO_VERSIONS = "influx keeps no known time and no older versions: the last arrival wins"


def open_url(rest: str, folder: Path, *, is_shared: bool) -> "InfluxStore":
    """``influx://127.0.0.1:8086/senzorika?version=1``: the README's section InfluxDB has all that may follow."""
    return InfluxStore(parse_address(rest, folder), is_shared=is_shared)


class InfluxStore:
    """A point is thing, quantity and period as tags, one field for the value, and four for its marks if it has any."""

    keeps_versions = False

    def __init__(self, address: Address, *, is_shared: bool) -> None:
        self._address = address
        self._is_shared = is_shared
        self.table = SeriesTable()
        self._newest = Newest(self.table)
        connection = InfluxConnection(address, timeout=OPENING)
        try:
            connection.check_version()
            if address.version == 1 and not address.token:
                connection.create_database()
            newest = list(read_newest(connection))
        finally:
            connection.close()
        self._newest.take(Batch.of(self.table, (one for *_, one in newest if one)))
        self._lines = LineMaker(self.table, library(C_SOURCE))
        self._writers = Writers(address)
        # Of each series by number, up to where something may stand: also what was written and never answered.
        self._reached: Int64s = np.zeros(0, np.int64)
        numbers = [self.table.number_of(series) for series, *_ in newest]
        self._grow()
        self._reached[numbers] = [at for _, at, _ in newest]
        self._tried: tuple[Batch, npt.NDArray[np.bool_]] | None = None  # not answered: again with the same bytes
        self._seen: list[Observation] = []  # by ``tend``, for the writer: only it adds to the table
        self._looked = 0

    def add(self, observations: Batch, now: int) -> Added:
        del now  # no known time is kept
        self._take_seen()
        refused = dict.fromkeys(observations.unstorable().tolist(), "not finite")
        last = _last_arrivals(observations)  # within one request the order is not promised
        last = np.setdiff1d(last, np.fromiter(refused, np.int64, len(refused)), assume_unique=True)
        batch = observations.take(last)
        fresh, doubtful = self._newest.split(batch)
        is_first = self._first(batch, fresh)
        step = LINES[self._address.version]
        rejected = self._write(
            batch, [np.arange(len(batch))[at : at + step] for at in range(0, len(batch), step)], is_first
        )
        self._tried = None
        changed = [place for place in doubtful.tolist() if not self._is_newest(batch, place)]
        places = np.sort(np.concatenate((fresh, np.array(changed, np.int64))))
        kept = batch.take(np.setdiff1d(places, list(rejected), assume_unique=True).astype(np.int64))
        self._newest.take(kept)
        refused |= {int(last[place]): why for place, why in rejected.items()}
        return Added(kept, sorted(refused.items()))

    def latest(self) -> dict[Series, Observation]:
        return self._newest.copy()

    def last(self, series: Series) -> Observation | None:
        return self._newest.get(series)

    def last_columns(self, numbers: Int64s) -> LastColumns:
        return self._newest.columns(numbers)

    def open_rows(self, query: Query) -> Rows[Observation]:
        _refuse_what_is_not_kept(query)
        if query.order == "value":
            raise NotOfferedError("influx answers in order of time only")
        connection = InfluxConnection(self._address)
        end = None if query.limit is None else query.offset + query.limit
        return _Streamed(connection, islice(read_series(connection, query), query.offset, end))

    def open_columns(self, query: Query) -> Columns:
        return ColumnsOfRows(query.series, self.open_rows(query))

    def revision(self, numbers: Int64s | None = None) -> None:
        """Others may write into the same database, and say nothing."""

    def open_aggregates(self, question: Aggregation) -> Rows[Aggregate]:
        if question.as_of is not None:
            raise NotOfferedError(_NO_VERSIONS)
        connection = InfluxConnection(self._address)
        if question.together:
            answer = together(question, in_order(read_all_things(connection, question)))
        else:
            several = groupby(read_all_things(connection, question), attrgetter("series"))
            answer = per_thing(question, several)
        return _Streamed(connection, answer)

    def count(self, query: Query) -> int:
        _refuse_what_is_not_kept(query)
        connection = InfluxConnection(self._address)
        try:
            return count_series(connection, query)
        finally:
            connection.close()

    def erase(self, series: Sequence[Series], before: int) -> int:
        connection = InfluxConnection(self._address, timeout=OPENING)
        try:
            found = sum(count_series(connection, Query(one, until=before + (one.period > 0))) for one in series)
            erase_series(self._address, connection, series, before)
        finally:
            connection.close()
        self._newest.forget([number for number in self.table.numbers_of(series).tolist() if number >= 0], before)
        return found

    def limit(self, rules: Sequence[Keep]) -> None:
        del rules
        raise NotOfferedError("influx: how long is kept is InfluxDB's own: the duration of its database or bucket")

    def tend(self, now: int) -> None:
        """Look what other collectors wrote of late; the next ``add`` takes it over."""
        if now < self._looked + LOOK:
            return
        self._looked = now
        connection = InfluxConnection(self._address)
        try:
            self._seen = [one for *_, one in read_newest(connection, since=now - RECENT) if one]
        finally:
            connection.close()

    def backup(self, folder: Path) -> None:
        raise NotOfferedError(f"influx: nothing is copied to {folder}: InfluxDB has a backup command of its own")

    def close(self) -> None:
        self._writers.close()

    def _take_seen(self) -> None:
        seen, self._seen = self._seen, []
        # Of the same instant ours is the later arrival, or the same.
        news = [one for one in seen if (last := self._newest.get(one.series)) is None or one.at > last.at]
        if news:
            self._newest.take(Batch.of(self.table, news))

    def _first(self, batch: Batch, fresh: Positions) -> npt.NDArray[np.bool_]:
        """Where nothing can stand under an identity yet. From now on, something may."""
        if self._is_shared:  # another collector may have stored an older version just now
            return np.zeros(len(batch), np.bool_)
        if self._tried and self._tried[0].says_the_same(batch):
            return self._tried[1]
        self._grow()
        is_first = np.zeros(len(batch), np.bool_)
        is_first[fresh] = batch.at[fresh] > self._reached[batch.series[fresh]]
        np.maximum.at(self._reached, batch.series, batch.at)
        self._tried = batch, is_first
        return is_first

    def _grow(self) -> None:
        missing = len(self.table.low) - len(self._reached)
        if missing > 0:
            self._reached = np.concatenate((self._reached, np.full(missing, -1, np.int64)))

    def _is_newest(self, batch: Batch, place: int) -> bool:
        one = batch[place]
        other = self._newest.get(one.series)
        return other is not None and other.at == one.at and other.content == one.content

    def _write(self, batch: Batch, parts: Sequence[Positions], is_first: npt.NDArray[np.bool_]) -> dict[int, str]:
        """Return what is refused, by position; everything else is stored.

        InfluxDB 3 names the lines it refuses. 1.x and 2.x do not: there a part is halved until one stands alone.
        Writing a line once more changes nothing.
        """
        refused: dict[int, str] = {}
        again: list[Positions] = []
        bodies = (self._lines.lines_of(batch.take(part), is_first[part]) for part in parts)
        for part, error in zip(parts, self._writers.write(bodies), strict=True):
            if error is None:
                continue
            named = {int(part[line]): why for line, why in error.lines.items() if 0 <= line < len(part)}
            if len(part) == 1:
                refused[int(part[0])] = str(error)
            elif named:
                refused |= named
                again.append(np.setdiff1d(part, np.fromiter(named, np.int64, len(named)), assume_unique=True))
            else:
                again += np.array_split(part, 2)
        for part in again:
            refused |= self._write(batch, [part], is_first) if len(part) else {}
        return refused


Row = TypeVar("Row")


def _refuse_what_is_not_kept(query: Query) -> None:
    if query.as_of is not None or query.versions == "all":
        raise NotOfferedError(_NO_VERSIONS)


class _Streamed(Rows[Row]):
    """An answer that is read from its connection as it is fetched; owns the connection."""

    def __init__(self, connection: InfluxConnection, rows: Iterator[Row]) -> None:
        self._connection = connection
        self._rows = rows
        self._interrupted = False

    def fetch(self, count: int) -> Sequence[Row]:
        if self._interrupted:
            raise StoreError("influx: interrupted")
        found: list[Row] = []
        enough = monotonic() + PATIENCE
        for row in self._rows:
            found.append(row)
            if len(found) == count or monotonic() > enough:
                break
        return found

    def interrupt(self) -> None:
        self._interrupted = True
        self._connection.interrupt()

    def close(self) -> None:
        self._connection.close()


def _last_arrivals(batch: Batch) -> Positions:
    """The positions of what no later one of the same identity replaces, in the order of the batch."""
    order = np.lexsort((batch.at, batch.series))  # stable
    series, at = batch.series[order], batch.at[order]
    is_last = np.ones(len(order), np.bool_)
    is_last[:-1] = (series[1:] != series[:-1]) | (at[1:] != at[:-1])
    return np.sort(order[is_last])
