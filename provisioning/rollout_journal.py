"""Where does a rollout stand, after whatever happened to the laptop? Every step, durable before it is acted on."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from provisioning import ProvisionError
from provisioning.rings import Gate, Health, Node, Rollout

_SCHEMA = """
CREATE TABLE IF NOT EXISTS rollout (number INTEGER PRIMARY KEY, body TEXT NOT NULL, is_halt_asked INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS node (rollout INTEGER, place INTEGER, body TEXT NOT NULL, PRIMARY KEY (rollout, place));
CREATE TABLE IF NOT EXISTS step (rollout INTEGER, at INTEGER, publisher TEXT, what TEXT);
"""


class Journal:
    """The newest rollout of ``DIR/rollout.sqlite``; older ones stay in it."""

    def __init__(self, directory: Path) -> None:
        if not directory.is_dir():
            raise ProvisionError(f"{directory}: no such directory; run quickstart first")
        self._path = directory / "rollout.sqlite"
        try:
            self._connection = sqlite3.connect(self._path, isolation_level=None)
            # FULL: a step that was written survives the loss of power.
            self._connection.execute("PRAGMA synchronous=FULL")
            self._connection.executescript(_SCHEMA)
            self._number: int = self._one("SELECT coalesce(max(number), 0) FROM rollout")
        except sqlite3.Error as error:
            raise ProvisionError(f"{self._path}: {error}") from None
        self._places: dict[str, int] = {}
        self._kept: Rollout | None = self._load()

    @property
    def rollout(self) -> Rollout | None:
        """As it was kept last."""
        return self._kept

    def begin(self, rollout: Rollout, now: int) -> None:
        """A new rollout takes the place of the one before."""
        self._number += 1
        self._kept, self._places = None, {name: place for place, name in enumerate(rollout.nodes)}
        self.keep(rollout, now)

    def keep(self, rollout: Rollout, now: int) -> list[tuple[str, str]]:
        """Write what has changed, in one transaction; return it as (publisher, or "" for all of it; what)."""
        if rollout == self._kept:
            return []
        steps: list[tuple[str, str]] = []
        self._connection.execute("BEGIN IMMEDIATE")
        with self._connection:
            before = self._kept.nodes if self._kept else {}
            for name, node in rollout.nodes.items():
                if before.get(name) == node:
                    continue
                body = json.dumps(node._asdict())
                row = (self._number, self._places[name], body)
                self._connection.execute("INSERT OR REPLACE INTO node VALUES (?, ?, ?)", row)
                if name not in before or before[name].status != node.status:
                    steps.append((name, f"{node.status}: {node.reason}" if node.reason else node.status))
            if self._kept is None or rollout._replace(nodes={}) != self._kept._replace(nodes={}):
                body = json.dumps({**rollout._asdict(), "nodes": None, "gate": rollout.gate._asdict()})
                said = f"{rollout.status}, ring {rollout.ring + 1}"
                steps.append(("", f"{said}: {rollout.reason}" if rollout.reason else said))
                self._connection.execute(
                    "INSERT INTO rollout VALUES (?1, ?2, 0) ON CONFLICT DO UPDATE SET body = ?2,"
                    " is_halt_asked = is_halt_asked AND ?3",
                    (self._number, body, rollout.status == "running"),
                )
            rows = [(self._number, now, name, what) for name, what in steps]
            self._connection.executemany("INSERT INTO step VALUES (?, ?, ?, ?)", rows)
        self._kept = rollout
        return steps

    def steps(self) -> list[tuple[int, str, str]]:
        """(ms UTC, publisher, what), oldest first."""
        found = self._connection.execute(
            "SELECT at, publisher, what FROM step WHERE rollout = ? ORDER BY rowid", (self._number,)
        )
        return found.fetchall()

    def ask_for_halt(self) -> None:
        """Of whoever runs it; it is done within a second."""
        self._connection.execute("UPDATE rollout SET is_halt_asked = 1 WHERE number = ?", (self._number,))

    def is_halt_asked(self) -> bool:
        return bool(self._one("SELECT coalesce(max(is_halt_asked), 0) FROM rollout WHERE number = ?", self._number))

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Whether nobody else runs it; a process that is killed lets go."""
        lock = sqlite3.connect(self._path.with_suffix(".lock"), isolation_level=None, timeout=0)
        try:
            try:
                lock.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError:
                yield False
            else:
                yield True
        finally:
            lock.close()

    def close(self) -> None:
        self._connection.close()

    def _one(self, question: str, *values: int) -> Any:
        return self._connection.execute(question, values).fetchone()[0]

    def _load(self) -> Rollout | None:
        row = self._connection.execute("SELECT body FROM rollout WHERE number = ?", (self._number,)).fetchone()
        if row is None:
            return None
        found = self._connection.execute("SELECT body FROM node WHERE rollout = ? ORDER BY place", (self._number,))
        nodes = [_node(json.loads(body)) for (body,) in found]
        self._places = {node.publisher: place for place, node in enumerate(nodes)}
        kept = json.loads(row[0])
        return Rollout(**{**kept, "gate": Gate(**kept["gate"]), "nodes": {node.publisher: node for node in nodes}})


def _node(kept: dict[str, Any]) -> Node:
    baseline = kept["baseline"]  # a tuple within a tuple is a list in JSON
    return Node(**{**kept, "baseline": None if baseline is None else Health(*baseline)})
