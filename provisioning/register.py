"""What was made, when and by whom, and what became of it? The log of this laptop and of those it met.

``DIR/inventory/ORIGIN.chain`` is one log for each laptop, each line sealed with the hash of all before it
(``firmware.chain``); only its own laptop writes it. ``DIR/inventory.db`` has the same as SQLite tables to be asked:
it follows the logs, and can be deleted.
"""

import json
import os
import secrets
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from firmware.chain import Chain, ChainError, verify
from provisioning import ProvisionError
from provisioning.durable import replace_file
from provisioning.standing import Event, Standing, standing

_TABLES = """
CREATE TABLE IF NOT EXISTS event (
  origin TEXT, number INTEGER, at INTEGER, subject TEXT, kind TEXT, by TEXT, fields TEXT, seen TEXT,
  PRIMARY KEY (origin, number)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS event_of_subject ON event (subject, at);
CREATE TABLE IF NOT EXISTS current (subject TEXT, field TEXT, value TEXT, PRIMARY KEY (subject, field)) WITHOUT ROWID;
"""


class Log(NamedTuple):
    """One laptop's log as it was verified."""

    origin: str
    length: int
    head: str


class Register:
    """The logs and tables in a city's directory; made at the first use."""

    def __init__(self, directory: Path) -> None:
        self.folder = directory / "inventory"
        self._database = directory / "inventory.db"
        if self.folder.exists():
            with self._tables() as tables:
                self._follow(tables)

    @property
    def origin(self) -> str:
        """This laptop's own name, given when it first writes; "" before."""
        try:
            return (self.folder / "origin").read_text().strip()
        except FileNotFoundError:
            return ""

    def record(self, subject: str, kind: str, by: str, fields: dict[str, Any], at: int | None = None) -> None:
        """Add to this laptop's log; durable when it returns."""
        self.record_all([(subject, kind, fields)], by, at)

    def record_all(self, said: Sequence[tuple[str, str, dict[str, Any]]], by: str, at: int | None = None) -> None:
        """Several (subject, kind, fields) at once: the logs are verified once for all of them."""
        if not said:
            return
        at = time.time_ns() // 1_000_000 if at is None else at
        if not self.origin:
            replace_file(self.folder / "origin", f"laptop-{secrets.token_hex(4)}\n".encode())
        path = self.folder / f"{self.origin}.chain"
        with self._tables() as tables, _opened(path) as file:
            chain = Chain(file, lambda: os.fsync(file.fileno()), at)
            seen = {log.origin: log.length for log in self.logs() if log.origin != self.origin}
            for subject, kind, fields in said:
                chain.append({"subject": subject, "kind": kind, "by": by, "fields": fields, "seen": seen}, at)
            self._follow(tables)

    def events(self, subject: str | None = None) -> list[Event]:
        """All, or those of one subject, in order of time."""
        with self._tables() as tables:
            rows = tables.execute(
                "SELECT origin, number, at, subject, kind, by, fields, seen FROM event"
                " WHERE ?1 IS NULL OR subject = ?1 ORDER BY at, origin, number",
                (subject,),
            ).fetchall()
        return [_event(row) for row in rows]

    def standing(self) -> Standing:
        return standing(self.events())

    def logs(self) -> list[Log]:
        """Every log verified from its first line; raise ProvisionError naming one that was changed."""
        return [_verified(path) for path in sorted(self.folder.glob("*.chain"))]

    def merge(self, folder: Path) -> int:
        """Take over the logs in another laptop's ``inventory`` folder; return how many events were new.

        Nothing there is written. What both have is compared byte for byte.
        """
        new = 0
        for theirs in sorted(folder.glob("*.chain")):
            _verified(theirs)
            ours = self.folder / theirs.name
            mine, other = _lines(ours), _lines(theirs)
            both = min(len(mine), len(other))
            if mine[:both] != other[:both]:
                at = next(number for number in range(both) if mine[number] != other[number]) + 1
                raise ProvisionError(
                    f"{theirs}: parts from what is known here at line {at}: it was changed, or two laptops work in "
                    "copies of one directory (delete inventory/origin in one of them)"
                )
            if len(other) > len(mine):
                replace_file(ours, b"".join(other))
                new += len(other) - len(mine)
        with self._tables() as tables:
            self._follow(tables)
        return new

    @contextmanager
    def _tables(self) -> Iterator[sqlite3.Connection]:
        """One writer at a time: the database is the lock of the logs too."""
        try:
            place = self._database if self.folder.exists() else ":memory:"  # who only looks writes nothing
            with closing(sqlite3.connect(place, timeout=10, isolation_level=None)) as tables:
                tables.execute("PRAGMA synchronous = FULL")
                tables.executescript(_TABLES)
                tables.execute("BEGIN IMMEDIATE")
                yield tables
                tables.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            raise ProvisionError(f"{self._database}: {error}; delete it, it is made again from inventory/") from None

    def _follow(self, tables: sqlite3.Connection) -> None:
        """Bring the tables to where the logs are; start again where they differ."""
        known = dict(tables.execute("SELECT origin, count(*) FROM event GROUP BY origin"))
        counts = {path.stem: len(_lines(path)) for path in self.folder.glob("*.chain")}
        if any(counts.get(origin, 0) < count for origin, count in known.items()):
            tables.execute("DELETE FROM event")
            known = {}
        if all(known.get(origin, 0) == count for origin, count in counts.items()):
            return
        for path in sorted(self.folder.glob("*.chain")):
            for line in _lines(path)[known.get(path.stem, 0) :]:
                tables.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?)", _row(path.stem, line))
        rows = tables.execute("SELECT origin, number, at, subject, kind, by, fields, seen FROM event").fetchall()
        stands = standing(_event(row) for row in rows)
        tables.execute("DELETE FROM current")
        tables.executemany(
            "INSERT INTO current VALUES (?, ?, ?)",
            [
                (subject, field, value if isinstance(value, str) else json.dumps(value))
                for subject, fields in stands.subjects.items()
                for field, value in fields.items()
            ],
        )


def _event(row: tuple[Any, ...]) -> Event:
    origin, number, at, subject, kind, by, fields, seen = row
    return Event(origin, number, at, subject, kind, by, json.loads(fields), json.loads(seen))


def _row(origin: str, line: bytes) -> tuple[Any, ...]:
    record = json.loads(line)
    event = record["event"]
    return (
        origin,
        record["n"],
        record["at"],
        event.get("subject", ""),  # a cut of power stands in the log without a subject
        event.get("kind", event.get("event", "")),
        event.get("by", ""),
        json.dumps(event.get("fields", {})),
        json.dumps(event.get("seen", {})),
    )


def _lines(path: Path) -> list[bytes]:
    """Whole lines: what a cut of power tore is cut off when its own laptop writes again."""
    if not path.exists():
        return []
    return [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


def _verified(path: Path) -> Log:
    try:
        count, head = verify(_lines(path))
    except ChainError as error:
        raise ProvisionError(f"{path}: {error}: the log was changed") from None
    return Log(path.stem, count, head)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        path.touch()
        with path.open("r+b") as file:
            yield file
    except OSError as error:
        raise ProvisionError(f"{path}: {error.strerror}") from None
    except ChainError as error:
        raise ProvisionError(f"{path}: {error}: the log was changed") from None
