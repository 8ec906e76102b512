"""A copy is whole or bears another name, and its ledger claims nothing that its store lacks."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from collector.city import City, open_city
from collector.entities.inventory import Inventory
from collector.ingest import Ingest
from collector.messages.message import Message
from collector.observation import Series
from collector.running import backup
from collector.running.backup import METADATA, back_up
from collector.running.control import RefusedError
from collector.series.query import Query
from collector.store import NotOfferedError, StoreError
from firmware import contract

NOW = 1_795_392_000_000
DISTANCE = Series("spot-0001", "distance")
INVENTORY = Inventory.model_validate(
    {
        "city": "koper",
        "publisher": [{"id": "park-0001", "role": "node", "things": ["spot-0001"]}],
        "thing": [{"id": "spot-0001", "name": dict.fromkeys(("sl", "it", "en"), "spot"), "center": "mobility"}],
    }
)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    names = tmp_path / "inventory.toml", tmp_path / "collector.toml"
    for name in names:
        name.write_text(f"# {name.name}")
    return names


@pytest.fixture
def metadata(tmp_path: Path) -> Path:
    file = tmp_path / METADATA
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("pragma journal_mode=wal")
        connection.execute("create table t (n)")
        connection.execute("insert into t values (1)")
        connection.commit()
    return file


class Copied:
    """A store of one file."""

    def backup(self, folder: Path) -> None:
        (folder / "sealed").mkdir()
        (folder / "sealed" / "2026-10.parquet").write_bytes(b"PAR1")
        (folder / "observations.duckdb").write_bytes(b"12345678")


def test_everything_lies_side_by_side_as_in_a_data_directory(
    tmp_path: Path, metadata: Path, files: tuple[Path, Path]
) -> None:
    target = tmp_path / "copies" / "monday"
    size = back_up(target, metadata, Copied(), files)
    copied = {str(one.relative_to(target)): one for one in target.rglob("*") if one.is_file()}
    assert set(copied) == {
        METADATA,
        "observations.duckdb",
        "sealed/2026-10.parquet",
        "inventory.toml",
        "collector.toml",
    }
    assert size == sum(one.stat().st_size for one in copied.values())
    assert not target.with_name("monday.partial").exists()
    with closing(sqlite3.connect(target / METADATA)) as connection:
        assert connection.execute("select n from t").fetchall() == [(1,)]


def test_an_empty_directory_is_taken(tmp_path: Path, metadata: Path, files: tuple[Path, Path]) -> None:
    (tmp_path / "monday").mkdir()
    back_up(tmp_path / "monday", metadata, Copied(), files)
    assert (tmp_path / "monday" / METADATA).exists()


def test_what_is_there_is_never_written_over(tmp_path: Path, metadata: Path, files: tuple[Path, Path]) -> None:
    back_up(tmp_path / "monday", metadata, Copied(), files)
    with pytest.raises(RefusedError, match="monday: expected a new or an empty directory"):
        back_up(tmp_path / "monday", metadata, Copied(), files)
    with pytest.raises(RefusedError, match=r"inventory\.toml: expected a new or an empty directory"):
        back_up(tmp_path / "inventory.toml", metadata, Copied(), files)
    (tmp_path / "tuesday.partial").mkdir()
    with pytest.raises(RefusedError, match=r"tuesday\.partial: left by a backup that was not finished"):
        back_up(tmp_path / "tuesday", metadata, Copied(), files)


class Refusing:
    def __init__(self, error: Exception) -> None:
        self._error = error

    def backup(self, folder: Path) -> None:
        (folder / "half").write_text("half")
        raise self._error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (NotOfferedError("memory: keeps nothing"), "store.url: memory: keeps nothing"),
        (StoreError("duckdb: IO Error"), "monday: duckdb: IO Error"),
        (OSError(28, "No space left on device"), "monday: No space left on device"),
    ],
)
def test_a_copy_that_fails_leaves_nothing_and_says_why(
    tmp_path: Path, metadata: Path, files: tuple[Path, Path], error: Exception, expected: str
) -> None:
    with pytest.raises(RefusedError, match=expected):
        back_up(tmp_path / "monday", metadata, Refusing(error), files)
    assert not (tmp_path / "monday").exists()
    assert not (tmp_path / "monday.partial").exists()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, metadata: Path, files: tuple[Path, Path]) -> None:
    with pytest.raises(RefusedError, match=r"collector\.toml.*Not a directory"):
        back_up(files[1] / "monday", metadata, Copied(), files)


def test_a_copy_that_is_killed_bears_another_name(
    tmp_path: Path, metadata: Path, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup.shutil, "rmtree", lambda *_args, **_more: None)  # no time for that
    with pytest.raises(RefusedError):
        back_up(tmp_path / "monday", metadata, Refusing(StoreError("killed")), files)
    assert not (tmp_path / "monday").exists()
    assert (tmp_path / "monday.partial").exists()


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    opened = open_city(INVENTORY, tmp_path / "data", "duckdb:observations.duckdb")
    yield opened
    opened.store.close()


class Flow:
    """Messages of one reading each, one commit each, as fast as they go; ``sent`` is what was committed."""

    def __init__(self, city: City) -> None:
        self._ingest = Ingest(city)
        self._thread = threading.Thread(target=self._run)
        self._stopped = threading.Event()
        self.sent = 0
        self._thread.start()

    def _run(self) -> None:
        while not self._stopped.is_set():
            seq = self.sent + 1
            reading = {"thing": "spot-0001", "at": NOW + seq, "values": {"distance": seq / 8}}
            payload = contract.encode_reading("7f3a91c2", seq, [reading])
            self._ingest.commit([Message("koper/v1/park-0001/reading", payload, NOW)], NOW)
            self.sent = seq

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()


def test_a_copy_made_while_readings_flow_claims_nothing_that_it_lacks(
    city: City, tmp_path: Path, files: tuple[Path, Path]
) -> None:
    flow = Flow(city)
    try:
        while flow.sent < 100:
            time.sleep(0.01)
        before = flow.sent
        back_up(tmp_path / "copy", tmp_path / "data" / METADATA, city.store, files)
        after = flow.sent
        while flow.sent < after + 20:
            time.sleep(0.01)
    finally:
        flow.stop()
    restored = open_city(INVENTORY, tmp_path / "copy", "duckdb:observations.duckdb")
    (account,) = restored.ledger.accounts
    stored = {one.value for one in restored.store.open_rows(Query(DISTANCE)).fetch(1_000_000)}
    claimed = {seq / 8 for first, last in account.stored for seq in range(first, last + 1)}
    assert len(claimed) >= before
    assert claimed <= stored
    assert len(stored) <= flow.sent
    restored.store.close()
