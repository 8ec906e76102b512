"""How are observations kept when nothing needs to survive? In lists; for tests and for a first look."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from heapq import merge
from itertools import islice
from operator import attrgetter
from pathlib import Path
from threading import Lock
from typing import Any, Generic, TypeVar

import numpy as np
from msgspec.structs import replace

from collector.observation import Observation, Series
from collector.series.aggregation import Aggregate, Aggregation, per_thing, together
from collector.series.batch import Batch, Int64s
from collector.series.newest import LastColumns, Newest
from collector.series.query import Query
from collector.series.series_table import SeriesTable
from collector.store import Added, Columns, ColumnsOfRows, Keep, NotOfferedError, Rows, StoreError

Row = TypeVar("Row")


def open_url(rest: str, folder: Path, *, is_shared: bool) -> "MemoryStore":
    """``memory:`` takes nothing after the colon."""
    del folder, is_shared  # nothing is written, and nobody else sees it
    if rest:
        raise ValueError(f"memory: takes no path, got {rest}")
    return MemoryStore()


class MemoryStore:
    """Every version of every observation, per series in order of (at, known)."""

    keeps_versions = True

    def __init__(self) -> None:
        self._series: defaultdict[Series, list[Observation]] = defaultdict(list)
        self.table = SeriesTable()
        self._newest = Newest(self.table)
        self._lock = Lock()  # readers are other threads

    def add(self, observations: Batch, now: int) -> Added:
        refused = dict.fromkeys(observations.unstorable().tolist(), "not finite")
        positions, times = [], []
        with self._lock:
            known = max(now, self._newest.known + 1)
            for position, one in enumerate(observations):
                rows = self._series[one.series]
                start = bisect_left(rows, one.at, key=_at)
                end = bisect_right(rows, one.at, lo=start, key=_at)
                if position in refused or any(row.content == one.content for row in islice(rows, start, end)):
                    continue
                positions.append(position)
                times.append(max(known, rows[end - 1].known + 1) if end > start else known)
                rows.insert(end, replace(one, known=times[-1]))
            kept = observations.take(np.array(positions, np.int64), np.array(times, np.int64))
            self._newest.take(kept)
        return Added(kept, list(refused.items()))

    def latest(self) -> dict[Series, Observation]:
        return self._newest.copy()

    def last(self, series: Series) -> Observation | None:
        return self._newest.get(series)

    def last_columns(self, numbers: Int64s) -> LastColumns:
        return self._newest.columns(numbers)

    def open_rows(self, query: Query) -> Rows[Observation]:
        rows = self._matching(query)
        end = None if query.limit is None else query.offset + query.limit
        return _Rows(rows[query.offset : end])

    def open_columns(self, query: Query) -> Columns:
        return ColumnsOfRows(query.series, self.open_rows(query))

    def revision(self, numbers: Int64s | None = None) -> int:
        return self._newest.revision(numbers)

    def count(self, query: Query) -> int:
        return len(self._matching(query))

    def open_aggregates(self, question: Aggregation) -> Rows[Aggregate]:
        with self._lock:
            series = sorted(one for one in self._series if question.covers(one))
        found = [(one, self._matching(question.query(one))) for one in series]
        if question.together:
            return _Rows(together(question, merge(*(rows for _, rows in found), key=attrgetter("at", "series"))))
        return _Rows(per_thing(question, found))

    def erase(self, series: Sequence[Series], before: int) -> int:
        count = 0
        with self._lock:
            for one in series:
                rows = self._series[one]
                staying = [row for row in rows if row.at - (one.period > 0) >= before]
                count += len(rows) - len(staying)
                self._series[one] = staying
        self._newest.forget(self.table.numbers_of(series).tolist(), before)
        return count

    def limit(self, rules: Sequence[Keep]) -> None:
        del rules
        raise NotOfferedError("memory: nothing is kept for days")

    def tend(self, now: int) -> None:
        """Nothing waits here."""

    def backup(self, folder: Path) -> None:
        raise NotOfferedError(f"memory: nothing survives, so nothing is copied to {folder}; choose duckdb:")

    def close(self) -> None:
        pass

    def _matching(self, query: Query) -> list[Observation]:
        with self._lock:
            rows = self._series.get(query.series, [])
            start = 0 if query.since is None else bisect_left(rows, query.since, key=_at)
            end = len(rows) if query.until is None else bisect_left(rows, query.until, key=_at)
            rows = rows[start:end]
        if query.as_of is not None:
            rows = [row for row in rows if row.known <= query.as_of]
        if query.versions == "latest":
            rows = list({row.at: row for row in rows}.values())  # the last of each instant is the latest known
        rows = [row for row in rows if all(one.holds(row) for one in query.where)]
        if query.order == "value":
            rows.sort(key=_value)
        if query.descending:
            rows.reverse()
        return rows


class _Rows(Generic[Row]):
    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = iter(rows)
        self._interrupted = False

    def fetch(self, count: int) -> list[Row]:
        if self._interrupted:
            raise StoreError("interrupted")
        return list(islice(self._rows, count))

    def interrupt(self) -> None:
        self._interrupted = True

    def close(self) -> None:
        pass


def _at(row: Observation) -> int:
    return row.at


def _value(row: Observation) -> Any:
    return row.value  # one series holds one kind of value
