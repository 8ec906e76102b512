"""Which readings has the collector not confirmed yet? They are kept here, durably, before any network is touched.

SQLite, one owner (EXCLUSIVE lock), write-ahead log with ``synchronous=FULL``: what ``append`` returned for survives a
power cut (proved by test_outbox_durability). A receipt makes a message deletable; it goes when the bound needs room.
Beside the messages stands what must not be forgotten with them: the last ``at`` of each thing, and the commands.
"""

import json
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from edge.errors import ConfigError
from firmware import contract, orders
from firmware.wire_json import write

NORMAL, URGENT = 0, 1  # lanes
_FREED_WHEN_FULL = 64  # receipted messages that make room for one on a full disk

_SCHEMA = """
CREATE TABLE IF NOT EXISTS outbox (id TEXT NOT NULL, next_seq INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS message (
    seq INTEGER PRIMARY KEY, lane INTEGER NOT NULL, channel TEXT NOT NULL, payload BLOB NOT NULL,
    received INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS unreceived ON message (lane, seq) WHERE NOT received;
CREATE INDEX IF NOT EXISTS received ON message (seq) WHERE received;
CREATE TABLE IF NOT EXISTS dropped (first INTEGER PRIMARY KEY, last INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS thing (
    id TEXT PRIMARY KEY, at INTEGER NOT NULL, day INTEGER NOT NULL, readouts INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS command (
    id TEXT PRIMARY KEY, payload BLOB NOT NULL, expires INTEGER NOT NULL, result TEXT, seq INTEGER) WITHOUT ROWID;
"""
_DAY = 86_400_000  # ms


class Connection(Protocol):
    """What is asked of SQLite; the durability test brings one with a recording file system underneath."""

    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Any:
        """A cursor with fetchone and fetchall."""

    def close(self) -> None: ...


class Message(NamedTuple):
    """One message that waits for its receipt; ``channel`` is reading or result."""

    seq: int
    lane: int
    channel: str
    payload: bytes


class Last(NamedTuple):
    """What is remembered of a thing: its last ``at``, and how often it was read on that (UTC) day."""

    at: int
    readouts: int


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
        self._unreceived: int = connection.execute("SELECT count(*) FROM message WHERE NOT received").fetchone()[0]
        self._unwritten: list[list[int]] = []  # dropped while the disk was full, not yet noted on it

    @property
    def is_disk_full(self) -> bool:
        """Whether the last message found no room."""
        return bool(self._unwritten)

    def append(self, readings: list[dict[str, Any]], lane: int = NORMAL) -> int | None:
        """Keep one message durably and return its seq; None when there is no room for it on the disk (it is counted).

        Raises ContractError for readings that no collector would take.
        """
        payload = contract.encode_reading(self.id, self._next_seq, readings, contract.GATEWAY_LIMIT)
        return self._keep(lane, "reading", payload, partial(self._remember, readings))

    def append_result(self, result: dict[str, Any]) -> int | None:
        """The answer to a command, urgent; kept in one step with the note that the command has been answered."""
        payload = orders.encode_result({"outbox": self.id, "seq": self._next_seq, **result})
        note = partial(self._answered, result["id"], write(result), self._next_seq)
        return self._keep(URGENT, "result", payload, note)

    def _keep(self, lane: int, channel: str, payload: bytes, note: Callable[[], None]) -> int | None:
        seq = self._next_seq
        self._next_seq += 1
        for spare in (0, _FREED_WHEN_FULL):
            try:
                self._in_one_transaction(partial(self._insert, Message(seq, lane, channel, payload), spare, note))
            except self._full:
                continue
            self._unwritten.clear()
            return seq
        _add(self._unwritten, seq)
        return None

    def _insert(self, message: Message, spare: int, note: Callable[[], None]) -> None:
        for row in self._connection.execute(
            "SELECT seq, length(payload) FROM message WHERE received ORDER BY seq LIMIT ?", (spare,)
        ).fetchall():
            self._connection.execute("DELETE FROM message WHERE seq = ?", row[:1])
            self._size -= row[1]
        self._make_room(len(message.payload))
        self._connection.execute("INSERT INTO message (seq, lane, channel, payload) VALUES (?, ?, ?, ?)", message)
        self._size += len(message.payload)
        self._unreceived += 1
        self._connection.execute("UPDATE outbox SET next_seq = ?", (message.seq + 1,))
        note()
        for first, last in self._unwritten:
            self._drop(first, last)

    def _make_room(self, size: int) -> None:
        """Receipted messages go first, then the oldest of the lowest lane, noted as dropped."""
        while self._size + size > self._limit:
            row = self._oldest("received ORDER BY seq") or self._oldest("NOT received ORDER BY lane, seq")
            if row is None:
                return
            self._connection.execute("DELETE FROM message WHERE seq = ?", (row[0],))
            self._size -= row[2]
            if not row[1]:
                self._unreceived -= 1
                self._drop(row[0], row[0])

    def _oldest(self, which: str) -> Any:
        return self._connection.execute(
            f"SELECT seq, received, length(payload) FROM message WHERE {which} LIMIT 1"  # noqa: S608 - our own words
        ).fetchone()

    def _remember(self, readings: list[dict[str, Any]]) -> None:
        for reading in readings:
            at, day = reading["at"], reading["at"] // _DAY
            self._connection.execute(
                "INSERT INTO thing VALUES (?1, ?2, ?3, 1) ON CONFLICT (id) DO UPDATE SET"
                " at = max(at, ?2), readouts = CASE WHEN day = ?3 THEN readouts + 1 ELSE 1 END, day = ?3",
                (reading["thing"], at, day),
            )

    def last(self, day_of: int) -> dict[str, Last]:
        """By thing: the last ``at`` given, and the readouts on the UTC day of ``day_of`` (ms)."""
        rows = self._connection.execute("SELECT id, at, day, readouts FROM thing").fetchall()
        return {thing: Last(at, readouts if day == day_of // _DAY else 0) for thing, at, day, readouts in rows}

    def _drop(self, first: int, last: int) -> None:
        previous = self._connection.execute("SELECT first FROM dropped WHERE last = ?", (first - 1,)).fetchone()
        if previous:
            self._connection.execute("UPDATE dropped SET last = ? WHERE first = ?", (last, previous[0]))
        else:
            self._connection.execute("INSERT INTO dropped VALUES (?, ?)", (first, last))

    def _in_one_transaction(self, change: Callable[[], None]) -> None:
        before = self._size, self._unreceived
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            change()
            self._connection.execute("COMMIT")
        except BaseException:
            self._size, self._unreceived = before
            # SQLite has rolled back itself after a full disk; then there is no transaction left to end.
            if getattr(self._connection, "in_transaction", False):
                self._connection.execute("ROLLBACK")
            raise

    def received(self, ranges: Iterable[Sequence[int]]) -> list[int] | None:
        """The collector has these durably, both ends included: those newly noted; None when a full disk forbids it."""
        noted: list[int] = []

        def note() -> None:
            for first, last in ranges:
                noted.extend(self._turn("received = 1", "NOT received", first, last))
            self._unreceived -= len(noted)

        try:
            self._in_one_transaction(note)
        except self._full:
            return None
        return noted

    def replay(self, first: int, last: int) -> list[int]:
        """Receipted messages of this range wait for a receipt again; their numbers, as far as they are still kept."""
        again: list[int] = []

        def note() -> None:
            again.extend(self._turn("received = 0", "received", first, last))
            self._unreceived += len(again)

        self._in_one_transaction(note)
        return again

    def _turn(self, to: str, which: str, first: int, last: int) -> list[int]:
        rows = self._connection.execute(
            f"UPDATE message SET {to} WHERE seq BETWEEN ? AND ? AND {which} RETURNING seq",  # noqa: S608 - our own words
            (first, last),
        ).fetchall()
        return sorted(row[0] for row in rows)

    def unreceived(self, lane: int, after: int, count: int) -> list[Message]:
        """Up to ``count`` messages without a receipt in this lane, seq above ``after``, oldest first."""
        return [
            Message(*row)
            for row in self._connection.execute(
                "SELECT seq, lane, channel, payload FROM message WHERE NOT received AND lane = ? AND seq > ?"
                " ORDER BY seq LIMIT ?",
                (lane, after, count),
            ).fetchall()
        ]

    def message(self, seq: int) -> Message | None:
        """The message while it has no receipt."""
        row = self._connection.execute(
            "SELECT seq, lane, channel, payload FROM message WHERE seq = ? AND NOT received", (seq,)
        ).fetchone()
        return Message(*row) if row else None

    def dropped(self) -> list[list[int]]:
        """Ranges that will never come, both ends included."""
        rows = self._connection.execute("SELECT first, last FROM dropped").fetchall()
        return [list(row) for row in rows] + [list(pair) for pair in self._unwritten]

    def counts(self) -> Counts:
        """For the publisher's state."""
        (oldest,) = self._connection.execute("SELECT coalesce(min(seq), 0) FROM message WHERE NOT received").fetchone()
        return Counts(self._next_seq, oldest, self._unreceived, self.dropped())

    # ---- commands: which were taken on, and what was answered

    def take_on(self, command: dict[str, Any]) -> bool:
        """Note durably, before anything is written to a device, that this command is carried out; False: disk full."""
        row = (command["id"], write(command), command["expires"])
        try:
            self._connection.execute("INSERT INTO command (id, payload, expires) VALUES (?, ?, ?)", row)
        except self._full:
            return False
        return True

    def command(self, name: str) -> tuple[dict[str, Any], dict[str, Any] | None, int | None] | None:
        """The command of this id, its result and the result's seq, as far as there are any."""
        row = self._connection.execute("SELECT payload, result, seq FROM command WHERE id = ?", (name,)).fetchone()
        return (json.loads(row[0]), json.loads(row[1]) if row[1] else None, row[2]) if row else None

    def unanswered(self) -> list[dict[str, Any]]:
        """Commands that were taken on before a crash and have no result."""
        rows = self._connection.execute("SELECT payload FROM command WHERE result IS NULL").fetchall()
        return [json.loads(row[0]) for row in rows]

    def forget_commands(self, before: int) -> None:
        """Answered commands that expired before this time (ms UTC); their repetition is refused as expired."""
        self._connection.execute("DELETE FROM command WHERE result IS NOT NULL AND expires < ?", (before,))

    def _answered(self, name: str, result: str, seq: int) -> None:
        self._connection.execute("UPDATE command SET result = ?, seq = ? WHERE id = ?", (result, seq, name))

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
