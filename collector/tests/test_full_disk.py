"""The embedded store stops before the disk is full, and goes on once there is room."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.observation import Observation, Series
from collector.series.batch import Batch
from collector.series.query import Query
from collector.store import StoreError
from collector.stores.duckdb import RESERVE, DuckdbStore

NOW = 1_795_392_000_000
SERIES = Series("spot-0001", "distance")


class Usage:
    """What is left on a disk that is not there."""

    def __init__(self, free: int) -> None:
        self.free = free


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckdbStore]:
    opened = DuckdbStore(tmp_path / "observations.duckdb")
    yield opened
    opened.close()


def test_a_disk_with_too_little_room_is_refused_and_one_with_enough_is_not(
    store: DuckdbStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Batch.of(store.table, [Observation(SERIES, NOW, 0.4)])
    monkeypatch.setattr("collector.stores.duckdb.shutil.disk_usage", lambda _folder: Usage(RESERVE - 1))
    with pytest.raises(StoreError, match="the disk is full: 127 of 128 MB free in "):
        store.add(one, NOW)
    with pytest.raises(StoreError, match="the disk is full"):
        store.tend(NOW)
    assert store.count(Query(SERIES)) == 0
    assert store.latest() == {}
    monkeypatch.setattr("collector.stores.duckdb.shutil.disk_usage", lambda _folder: Usage(RESERVE))
    store.add(one, NOW)
    store.tend(NOW)
    assert store.count(Query(SERIES)) == 1
