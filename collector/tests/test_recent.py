"""What was just read is given again while nothing has changed, and is bounded."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.batch import Batch
from collector.columns import columns_of
from collector.observation import Observation, Series
from collector.query import Query
from collector.reader import Reader
from collector.recent import LARGEST, Recent
from collector.stores import Store, open_store

LEVEL = Series("wm-1", "level")


@pytest.fixture(params=["memory:", "duckdb:observations.duckdb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = open_store(request.param, tmp_path)
    yield opened
    opened.close()


def add(store: Store, *at: int, series: Series = LEVEL) -> None:
    store.add(Batch.of(store.table, [Observation(series, one, float(one)) for one in at]), 1)


async def values(reader: Reader, query: Query) -> list[float]:
    return [value async for batch in reader.columns(query) for value in batch.column("value").to_pylist()]


async def test_what_has_not_changed_is_read_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    add(store, 1, 2)
    reader = Reader(store)
    opened = []
    was = store.open_columns
    monkeypatch.setattr(store, "open_columns", lambda query: opened.append(query) or was(query))
    query = Query(LEVEL)
    assert [await values(reader, query) for _ in range(3)] == [[1, 2]] * 3
    assert len(opened) == 1
    add(store, 5, series=Series("wm-2", "level"))
    await values(reader, query)
    assert len(opened) == 1
    add(store, 3)
    assert await values(reader, query) == [1, 2, 3]
    add(store, 3)  # a repetition changes nothing
    await values(reader, query)
    assert len(opened) == 2
    reader.forget()
    assert await values(reader, query) == [1, 2, 3]
    assert len(opened) == 3


async def test_what_was_left_early_is_not_kept(store: Store) -> None:
    add(store, *range(1, 10))
    reader = Reader(store)
    pieces = reader.columns(Query(LEVEL), size=2)
    await anext(pieces)
    await pieces.aclose()
    assert await values(reader, Query(LEVEL)) == list(range(1, 10))


def batches(count: int) -> list[object]:
    return [columns_of(LEVEL, [Observation(LEVEL, at, 0.0) for at in range(count)])]


def test_the_longest_unasked_makes_room() -> None:
    recent = Recent(most_bytes=100_000)
    queries = [Query(LEVEL, limit=limit) for limit in range(1, 30)]
    for query in queries:
        recent.keep(query, 1, batches(200))
        recent.find(queries[0], 1)
    assert recent.bytes <= 100_000
    assert recent.find(queries[0], 1) is not None
    assert recent.find(queries[1], 1) is None
    assert recent.find(queries[-1], 1) is not None
    for query in queries:
        recent.find(query, 2)
    assert recent.bytes == 0


def test_what_is_too_large_is_not_kept() -> None:
    recent = Recent()
    recent.keep(Query(LEVEL), 1, batches(LARGEST // 20))
    assert (recent.bytes, recent.find(Query(LEVEL), 1)) == (0, None)
