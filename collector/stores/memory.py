"""How are observations kept when nothing needs to survive? In lists; for tests and for a first look."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any

from msgspec.structs import replace

from collector.newest import Newest
from collector.observation import Observation, Series, split_finite
from collector.query import Query
from collector.stores import Added, Rows, StoreError


def open_url(rest: str, folder: Path) -> "MemoryStore":
    """``memory:`` takes nothing after the colon."""
    del folder  # nothing is written
    if rest:
        raise ValueError(f"memory: takes no path, got {rest}")
    return MemoryStore()


class MemoryStore:
    """Every version of every observation, per series in order of (at, known)."""

    keeps_versions = True

    def __init__(self) -> None:
        self._series: defaultdict[Series, list[Observation]] = defaultdict(list)
        self._newest = Newest()
        self._lock = Lock()  # readers are other threads

    def add(self, observations: Sequence[Observation], now: int) -> Added:
        kept = []
        observations, refused = split_finite(observations)
        with self._lock:
            known = max(now, self._newest.known + 1)
            for one in observations:
                rows = self._series[one.series]
                start = bisect_left(rows, one.at, key=_at)
                end = bisect_right(rows, one.at, lo=start, key=_at)
                if any(row.content == one.content for row in islice(rows, start, end)):
                    continue
                version = replace(one, known=max(known, rows[end - 1].known + 1) if end > start else known)
                rows.insert(end, version)
                kept.append(version)
            self._newest.take(kept)
        return Added(kept, refused)

    def latest(self) -> dict[Series, Observation]:
        return self._newest.copy()

    def last(self, series: Series) -> Observation | None:
        return self._newest.get(series)

    def open_rows(self, query: Query) -> Rows:
        rows = self._matching(query)
        end = None if query.limit is None else query.offset + query.limit
        return _Rows(rows[query.offset : end])

    def count(self, query: Query) -> int:
        return len(self._matching(query))

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


class _Rows:
    def __init__(self, rows: list[Observation]) -> None:
        self._rows = iter(rows)
        self._interrupted = False

    def fetch(self, count: int) -> list[Observation]:
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
