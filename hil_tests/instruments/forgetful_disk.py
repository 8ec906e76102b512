"""What does a power cut leave of SQLite's files? What was synced: later writes die with the process that made them."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apsw

import edge.outbox
from edge.outbox import Outbox

NAME = "forgetful"
Write = tuple[int, bytes | None]  # offset and bytes; or the size to cut to and None


class ForgetfulFile(apsw.VFSFile):
    """Reads see what was written; the host's file gets it at the next sync."""

    def __init__(self, filename: Any, flags: list[int]) -> None:
        super().__init__("", filename, flags)
        name = filename.filename() if isinstance(filename, apsw.URIFilename) else str(filename)
        self._folder = Path(name).parent
        self._pending: list[Write] = []

    def _waiting(self) -> int:
        """Bytes that the host's file does not have yet."""
        return max(0, self.xFileSize() - super().xFileSize())

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's own name
        if offset + len(data) > self.xFileSize() and _free(self._folder) < self._waiting() + len(data):
            raise apsw.FullError("the disk is full")
        self._pending.append((offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802 - SQLite's own name
        self._pending.append((newsize, None))

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's own name
        for offset, octets in self._pending:
            if octets is None:
                super().xTruncate(offset)
            else:
                super().xWrite(octets, offset)
        self._pending.clear()
        super().xSync(flags)

    def xFileSize(self) -> int:  # noqa: N802 - SQLite's own name
        size = super().xFileSize()
        for offset, octets in self._pending:
            size = offset if octets is None else max(size, offset + len(octets))
        return size

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802 - SQLite's own name
        there = max(0, min(amount, super().xFileSize() - offset))
        found = bytearray(super().xRead(there, offset) if there else b"")
        for start, octets in self._pending:
            _lay(found, offset, amount, (start, octets))
        return bytes(found)


def _free(folder: Path) -> int:
    """Bytes."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_bsize


def _lay(found: bytearray, offset: int, amount: int, write: Write) -> None:
    """What a later write changes of ``amount`` bytes from ``offset`` on."""
    start, octets = write
    if octets is None:
        del found[max(0, start - offset) :]
        return
    first, last = max(start, offset), min(start + len(octets), offset + amount)
    if first < last:
        found.extend(bytes(max(0, last - offset - len(found))))
        found[first - offset : last - offset] = octets[first - start : last - start]


class ForgetfulDisk(apsw.VFS):
    def __init__(self) -> None:
        super().__init__(NAME, "")

    def xOpen(self, name: Any, flags: list[int]) -> ForgetfulFile:  # noqa: N802 - SQLite's own name
        return ForgetfulFile(name, flags)


_DISKS: list[ForgetfulDisk] = []  # SQLite holds no reference of its own


def install() -> None:
    """For the gateway of this process: its outbox stands on such a disk."""
    _DISKS.append(ForgetfulDisk())
    edge.outbox.open_outbox = opened  # before anyone has taken it from there


class _Connection:
    """apsw hands on what a checkpoint behind a COMMIT met on a full disk; SQLite itself passes over it."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        if sql != "COMMIT":
            return self._connection.execute(sql, parameters)
        promised = self._next_seq()
        try:
            return self._connection.execute(sql)
        except apsw.FullError:
            if self.in_transaction or self._next_seq() != promised:
                raise
            return None

    def _next_seq(self) -> object:
        return self._connection.execute("SELECT next_seq FROM outbox").fetchone()

    def close(self) -> None:
        self._connection.close()


def opened(path: Path, limit: int) -> Outbox:
    """As ``edge.outbox.open_outbox``."""
    connection = apsw.Connection(str(path), vfs=NAME)
    connection.set_busy_timeout(1000)
    return Outbox(_Connection(connection), limit, (apsw.FullError,))
