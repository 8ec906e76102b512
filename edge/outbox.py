"""Which readings has the collector not confirmed yet? They are kept here, durably, before any network is touched.

SQLite, one owner (EXCLUSIVE lock), write-ahead log with ``synchronous=FULL``: what ``append`` returned for survives a
power cut (proved by test_outbox_durability). A receipt makes a message deletable; it goes when the bound needs room.
"""

import secrets
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from edge.errors import ConfigError
from firmware import contract

NORMAL, URGENT = 0, 1  # lanes
_FREED_WHEN_FULL = 64  # receipted messages that make room for one on a full disk

_SCHEMA = """
CREATE TABLE IF NOT EXISTS outbox (id TEXT NOT NULL, next_seq INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS message (
    seq INTEGER PRIMARY KEY, lane INTEGER NOT NULL, payload BLOB NOT NULL, received INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS unreceived ON message (lane, seq) WHERE NOT received;
CREATE TABLE IF NOT EXISTS dropped (first INTEGER PRIMARY KEY, last INTEGER NOT NULL);
"""


class Connection(Protocol):
    """What is asked of SQLite; the durability test brings one with a recording file system underneath."""

    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Any:
        """A cursor with fetchone and fetchall."""

    def close(self) -> None: ...


class Message(NamedTuple):
    """One message that waits for its receipt."""

    seq: int
    lane: int
    payload: bytes


class Counts(NamedTuple):
    """What the publisher's state says about its outbox; seqs are 0 when there is none."""

    next_seq: int
    oldest_seq: int
    unreceived: int
    dropped: list[list[int]]


class Outbox:
    """Open with ``open_outbox``; ``limit`` bounds the bytes of the messages kept."""

    def __init__(
        self,
        connection: Connection,
        limit: int,
        full: tuple[type[Exception], ...] = (sqlite3.OperationalError,),
    ) -> None:
        self._connection = connection
        self._limit = limit
        self._full = full
        for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        for statement in _SCHEMA.split(";"):
            if statement.strip():
                connection.execute(statement)
        row = connection.execute("SELECT id, next_seq FROM outbox").fetchone()
        if row is None:
            row = (secrets.token_hex(4), 1)
            connection.execute("INSERT INTO outbox VALUES (?, ?)", row)
        self.id: str = row[0]
        self._next_seq: int = row[1]
        self._size: int = connection.execute("SELECT coalesce(sum(length(payload)), 0) FROM message").fetchone()[0]
        self._unwritten: list[list[int]] = []  # dropped while the disk was full, not yet noted on it

    def append(self, readings: list[dict[str, Any]], lane: int = NORMAL) -> int | None:
        """Keep one message durably and return its seq; None when there is no room for it on the disk (it is counted).

        Raises ContractError for readings that no collector would take.
        """
        seq = self._next_seq
        payload = contract.encode_reading(self.id, seq, readings, contract.GATEWAY_LIMIT)
        self._next_seq += 1
        for spare in (0, _FREED_WHEN_FULL):
            try:
                self._in_one_transaction(partial(self._insert, seq, lane, payload, spare))
            except self._full:
                continue
            self._unwritten.clear()
            return seq
        _add(self._unwritten, seq)
        return None

    def _insert(self, seq: int, lane: int, payload: bytes, spare: int) -> None:
        for row in self._connection.execute(
            "SELECT seq, length(payload) FROM message WHERE received ORDER BY seq LIMIT ?", (spare,)
        ).fetchall():
            self._connection.execute("DELETE FROM message WHERE seq = ?", row[:1])
            self._size -= row[1]
        self._make_room(len(payload))
        self._connection.execute("INSERT INTO message (seq, lane, payload) VALUES (?, ?, ?)", (seq, lane, payload))
        self._size += len(payload)
        self._connection.execute("UPDATE outbox SET next_seq = ?", (seq + 1,))
        for first, last in self._unwritten:
            self._drop(first, last)

    def _make_room(self, size: int) -> None:
        """Receipted messages go first, then the oldest of the lowest lane, noted as dropped."""
        while self._size + size > self._limit:
            row = self._connection.execute(
                "SELECT seq, received, length(payload) FROM message ORDER BY received DESC, lane, seq LIMIT 1"
            ).fetchone()
            if row is None:
                return
            self._connection.execute("DELETE FROM message WHERE seq = ?", (row[0],))
            self._size -= row[2]
            if not row[1]:
                self._drop(row[0], row[0])

    def _drop(self, first: int, last: int) -> None:
        previous = self._connection.execute("SELECT first FROM dropped WHERE last = ?", (first - 1,)).fetchone()
        if previous:
            self._connection.execute("UPDATE dropped SET last = ? WHERE first = ?", (last, previous[0]))
        else:
            self._connection.execute("INSERT INTO dropped VALUES (?, ?)", (first, last))

    def _in_one_transaction(self, change: Callable[[], None]) -> None:
        size = self._size
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            change()
            self._connection.execute("COMMIT")
        except BaseException:
            self._size = size
            # SQLite has rolled back itself after a full disk; then there is no transaction left to end.
            if getattr(self._connection, "in_transaction", False):
                self._connection.execute("ROLLBACK")
            raise

    def received(self, ranges: Iterable[Sequence[int]]) -> bool:
        """The collector has these durably, both ends included; False when a full disk could not note it."""

        def note() -> None:
            for first, last in ranges:
                self._connection.execute(
                    "UPDATE message SET received = 1 WHERE seq BETWEEN ? AND ? AND NOT received", (first, last)
                )

        try:
            self._in_one_transaction(note)
        except self._full:
            return False
        return True

    def unreceived(self, lane: int, after: int, count: int) -> list[Message]:
        """Up to ``count`` messages without a receipt in this lane, seq above ``after``, oldest first."""
        return [
            Message(*row)
            for row in self._connection.execute(
                "SELECT seq, lane, payload FROM message WHERE NOT received AND lane = ? AND seq > ?"
                " ORDER BY seq LIMIT ?",
                (lane, after, count),
            ).fetchall()
        ]

    def message(self, seq: int) -> Message | None:
        """The message while it has no receipt."""
        row = self._connection.execute(
            "SELECT seq, lane, payload FROM message WHERE seq = ? AND NOT received", (seq,)
        ).fetchone()
        return Message(*row) if row else None

    def counts(self) -> Counts:
        """For the publisher's state."""
        oldest, count = self._connection.execute(
            "SELECT coalesce(min(seq), 0), count(*) FROM message WHERE NOT received"
        ).fetchone()
        dropped = [list(row) for row in self._connection.execute("SELECT first, last FROM dropped").fetchall()]
        return Counts(self._next_seq, oldest, count, dropped + [list(pair) for pair in self._unwritten])

    def close(self) -> None:
        """Release the file."""
        self._connection.close()


def open_outbox(path: Path, limit: int) -> Outbox:
    """Open or make the outbox; ConfigError when another gateway has it, or it cannot be written."""
    try:
        connection = sqlite3.connect(path, timeout=1, isolation_level=None)
        return Outbox(connection, limit)
    except sqlite3.OperationalError as error:
        reason = "another gateway has it open" if "locked" in str(error) else str(error)
        raise ConfigError(f"outbox {path}: {reason}") from error
    except sqlite3.DatabaseError as error:
        raise ConfigError(f"outbox {path}: {error}") from error


def _add(ranges: list[list[int]], seq: int) -> None:
    if ranges and ranges[-1][1] == seq - 1:
        ranges[-1][1] = seq
    else:
        ranges.append([seq, seq])
