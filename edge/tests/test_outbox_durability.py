"""The outbox does not forget: only bytes that were synced survive, and everything append returned for is among them.

``kill -9`` proves nothing about that, as the page cache survives it. Here SQLite runs on a file system that records
writes and syncs; at every sync the files are rebuilt from synced bytes (and, in a second round, from synced bytes and
a part of the later ones, as a power cut leaves them) and opened again by the outbox's own code.
"""

import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from edge.errors import ConfigError
from edge.outbox import NORMAL, Outbox, open_outbox

Write = tuple[int, bytes | None]  # offset and bytes; or the size to cut to and None


class Disk:
    """What each file would hold after a power cut now, and what was written since its last sync."""

    def __init__(self) -> None:
        self.synced: dict[str, bytearray] = {}
        self.pending: dict[str, list[Write]] = {}
        self.on_sync: Callable[[], None] = lambda: None

    def write(self, path: str, offset: int, octets: bytes | None) -> None:
        self.pending.setdefault(path, []).append((offset, octets))

    def sync(self, path: str) -> None:
        content = self.synced.setdefault(path, bytearray())
        for write in self.pending.pop(path, []):
            _apply(content, write)
        self.on_sync()

    def delete(self, path: str) -> None:
        self.synced.pop(path, None)
        self.pending.pop(path, None)

    def rebuild(self, directory: Path, torn: random.Random | None) -> None:
        for path in set(self.synced) | set(self.pending):
            content = bytearray(self.synced.get(path, b""))
            pending = self.pending.get(path, [])
            for write in [write for write in pending if torn and torn.random() < 0.5]:
                _apply(content, write)
            (directory / Path(path).name).write_bytes(content)


def _apply(content: bytearray, write: Write) -> None:
    offset, octets = write
    if octets is None:
        del content[offset:]
        return
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(octets)] = octets


class RecordingFile(apsw.VFSFile):
    def __init__(self, disk: Disk, filename: Any, flags: list[int]) -> None:
        super().__init__("", filename, flags)
        self._disk = disk
        self._path = filename.filename() if isinstance(filename, apsw.URIFilename) else str(filename)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's own name
        super().xWrite(data, offset)
        self._disk.write(self._path, offset, bytes(data))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802 - SQLite's own name
        super().xTruncate(newsize)
        self._disk.write(self._path, newsize, None)

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's own name
        super().xSync(flags)
        self._disk.sync(self._path)


class RecordingFileSystem(apsw.VFS):
    def __init__(self, name: str, disk: Disk) -> None:
        super().__init__(name, "")
        self._disk = disk

    def xOpen(self, name: Any, flags: list[int]) -> RecordingFile:  # noqa: N802 - SQLite's own name
        return RecordingFile(self._disk, name, flags)

    def xDelete(self, name: str, syncdir: bool) -> None:  # noqa: N802 - SQLite's own name
        super().xDelete(name, syncdir)
        self._disk.delete(name)


class Trial:
    """Appends, and at each sync rebuilds and asks whether anything that was returned for is gone."""

    def __init__(self, directory: Path, synchronous: str) -> None:
        self.directory = directory
        self.returned: list[int] = []
        self.lost: list[tuple[str, list[int]]] = []
        self.reopened = 0
        self._disk = Disk()
        self._torn = random.Random(7)
        directory.mkdir()
        name = f"recording-{directory.name}"
        self._files = RecordingFileSystem(name, self._disk)
        connection = apsw.Connection(str(directory / "outbox.sqlite"), vfs=name)
        self._connection = connection
        self.outbox = Outbox(connection, 6000, (apsw.FullError,))
        connection.execute(f"PRAGMA synchronous={synchronous}").fetchall()
        connection.execute("PRAGMA wal_autocheckpoint=8").fetchall()
        self._disk.on_sync = self.check

    def append(self, count: int) -> None:
        for number in range(count):
            reading = {"thing": "wm-1", "at": number + 1, "values": {"water_volume": (number, -3)}}
            seq = self.outbox.append([reading])
            assert seq is not None
            self.returned.append(seq)
            if number % 10 == 9:
                self.outbox.received([[seq - 5, seq - 3]])
            if number % 7 == 0:
                self.check()  # also between syncs, where a forgetful outbox has the most to lose

    def check(self) -> None:
        for name, torn in (("synced", None), ("torn", self._torn)):
            after = self.directory / f"after-{name}-{self.reopened}"
            after.mkdir()
            self._disk.rebuild(after, torn)
            self.reopened += 1
            try:
                gone = self._gone(after / "outbox.sqlite")
            except (ConfigError, sqlite3.DatabaseError) as error:
                self.lost.append((f"{name}: {error}", list(self.returned)))
            else:
                self.lost += [(name, gone)] if gone else []

    def _gone(self, path: Path) -> list[int]:
        outbox = open_outbox(path, 6000)
        try:
            kept = {row[0] for row in outbox._connection.execute("SELECT seq FROM message").fetchall()}
            dropped = {seq for first, last in outbox.counts().dropped for seq in range(first, last + 1)}
            # What a receipt named may be gone: it was made room for. A number given twice is a loss too.
            again = [seq for seq in self.returned if seq >= outbox.counts().next_seq]
            return again + [seq for seq in self.returned if seq not in kept | dropped | self._receipted()]
        finally:
            outbox.close()

    def _receipted(self) -> set[int]:
        return {seq for last in range(10, 1000, 10) for seq in range(last - 5, last - 2)}

    def close(self) -> None:
        self._disk.on_sync = lambda: None
        self._connection.close()
        self._files.unregister()


@pytest.fixture
def trial(tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    made = Trial(tmp_path / request.param, request.param)
    yield made
    made.close()


@pytest.mark.parametrize("trial", ["FULL"], indirect=True)
def test_everything_append_returned_for_survives_a_power_cut_at_any_sync(trial: Trial) -> None:
    trial.append(60)
    assert trial.reopened > 150
    assert trial.lost == []
    assert len(trial.outbox.unreceived(NORMAL, 0, 100)) > 10


@pytest.mark.parametrize("trial", ["NORMAL", "OFF"], indirect=True)
def test_the_trial_would_notice_an_outbox_that_does_not_sync(trial: Trial) -> None:
    trial.append(60)
    assert trial.lost
