"""Which commands were asked for, by whom, who approved each, and what came of it? Nothing is sent on one person's word.

A command is asked for with a reason; somebody else approves it; then it is signed with the key of the center that owns
the thing, and stands here as it is sent. Every step is in the audit log before it counts.
"""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Column, Engine, LargeBinary, Row, String, Table, Text, select, update

from collector.access import ForbiddenError
from collector.access.asker import Asker
from collector.access.audit import Audit
from collector.entities.inventory import ConfigError
from collector.metadata import in_turn, metadata, result
from collector.signature import Signer
from firmware import orders
from firmware.contract import ContractError

WAITS = 3_600_000  # ms that a command waits for its approval
FINAL = ("done", "refused", "expired", "failed")

command = Table(
    "command",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("center", String(32), nullable=False),
    Column("publisher", String(64), nullable=False),
    Column("thing", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("arguments", Text, nullable=False),  # JSON
    Column("reason", Text, nullable=False),
    Column("valid_for", BigInteger, nullable=False),  # ms from the approval on
    Column("asked_by", Text, nullable=False),
    Column("asked", BigInteger, nullable=False),  # ms UTC
    Column("approved_by", Text),
    Column("approved", BigInteger),
    Column("withdrawn_by", Text),
    Column("payload", LargeBinary),  # as it is sent, signed
)


class CommandError(Exception):
    """A command that can't be asked for or approved; one line, naming the field."""


class NoCommandError(Exception):
    """There is no such command."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for."""

    center: str
    publisher: str
    thing: str
    name: str
    arguments: Mapping[str, Any]
    reason: str
    valid_for: int
    """ms."""


@dataclass(frozen=True, slots=True)
class Command:
    id: str
    wish: Wish
    asked_by: str
    asked: int
    approved_by: str | None
    approved: int | None
    withdrawn_by: str | None
    payload: bytes | None
    results: tuple[dict[str, Any], ...]
    """What the publisher answered, oldest first."""

    def status(self, now: int) -> str:
        """asked, lapsed, withdrawn, sent, or what the publisher answered last."""
        if self.withdrawn_by is not None:
            return "withdrawn"
        if self.approved is None:
            return "asked" if now < self.asked + WAITS else "lapsed"
        if self.results:
            return str(self.results[-1]["status"])
        return "sent" if now < self.approved + self.wish.valid_for else "expired"

    def is_open(self, now: int) -> bool:
        """Whether it is to be sent again."""
        return self.payload is not None and self.status(now) in ("sent", "accepted") and now < self.expires

    @property
    def expires(self) -> int:
        return (self.approved or 0) + self.wish.valid_for


class CommandBook:
    """All methods block. ``keys`` is the folder with ``<center>.key``, which only the collector may read."""

    def __init__(self, engine: Engine, audit: Audit, keys: Path | None, clock: Callable[[], int]) -> None:
        self._engine = engine
        self._audit = audit
        self._keys = keys
        self._clock = clock

    def ask(self, asker: Asker, wish: Wish) -> Command:
        """Durable on return; raises CommandError naming what is wrong with it."""
        identifier = f"c-{secrets.token_hex(8)}"
        draft = self._message(identifier, wish, asker.name, "somebody else", self._clock())
        try:
            orders.encode_command({**draft, "signature": "x" * 86})
        except ContractError as error:
            raise CommandError(str(error)) from None
        if not wish.reason.strip():
            raise CommandError("reason: expected why")
        self._note("command asked", asker, identifier, wish)
        values = {
            "id": identifier,
            "center": wish.center,
            "publisher": wish.publisher,
            "thing": wish.thing,
            "name": wish.name,
            "arguments": json.dumps(dict(wish.arguments)),
            "reason": wish.reason,
            "valid_for": wish.valid_for,
            "asked_by": asker.name,
            "asked": self._clock(),
        }
        with in_turn(self._engine) as connection:
            connection.execute(command.insert().values(values))
        return self.find(identifier)

    def approve(self, asker: Asker, identifier: str) -> Command:
        """Signed and ready to be sent; raises CommandError, ForbiddenError or NoCommandError."""
        found = self._waiting(identifier)
        if asker.name == found.asked_by:
            raise ForbiddenError(f"{asker.name} asked for it: somebody else approves")
        now = self._clock()
        message = self._message(identifier, found.wish, found.asked_by, asker.name, now)
        payload = orders.encode_command(self._signer(found.wish.center).signed(message))
        self._note("command approved", asker, identifier, found.wish)
        self._settle(identifier, approved_by=asker.name, approved=now, payload=payload)
        return self.find(identifier)

    def withdraw(self, asker: Asker, identifier: str) -> Command:
        """While nobody has approved it; raises CommandError or NoCommandError."""
        found = self._waiting(identifier)
        self._note("command withdrawn", asker, identifier, found.wish)
        self._settle(identifier, withdrawn_by=asker.name)
        return self.find(identifier)

    def find(self, identifier: str) -> Command:
        """Raises NoCommandError."""
        for one in self._read(command.c.id == identifier):
            return one
        raise NoCommandError(f"there is no command {identifier}")

    def listed(self, since: int) -> Sequence[Command]:
        """Those that were asked for from ``since`` (ms UTC) on, the oldest first."""
        return self._read(command.c.asked >= since)

    def to_send(self) -> Sequence[Command]:
        """What is approved, has not expired, and has no final answer."""
        now = self._clock()
        candidates = self._read(command.c.approved + command.c.valid_for > now)
        return [one for one in candidates if one.is_open(now)]

    def _waiting(self, identifier: str) -> Command:
        found = self.find(identifier)
        status = found.status(self._clock())
        if status != "asked":
            raise CommandError(f"{identifier}: it is {status} already")
        return found

    def _settle(self, identifier: str, **values: Any) -> None:
        """Once: of two who come at the same time, one is late."""
        with in_turn(self._engine) as connection:
            own = (command.c.id == identifier, command.c.approved.is_(None), command.c.withdrawn_by.is_(None))
            if connection.execute(update(command).where(*own).values(values)).rowcount != 1:
                raise CommandError(f"{identifier}: somebody was faster")

    def _read(self, condition: Any) -> list[Command]:
        with self._engine.connect() as connection:
            rows = connection.execute(select(command).where(condition).order_by(command.c.asked)).all()
            own = result.c.command.in_([row.id for row in rows])
            answers = connection.execute(select(result).where(own).order_by(result.c.id)).all() if rows else []
        by_command: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for answer in answers:
            decoded = {**orders.decode_result(answer.payload), "received": answer.received}
            by_command.setdefault((answer.command, answer.publisher), []).append(decoded)
        return [_command(row, by_command.get((row.id, row.publisher), ())) for row in rows]

    def _signer(self, center: str) -> Signer:
        file = self._keys / f"{center}.key" if self._keys else None
        if file is None or not file.is_file():
            raise CommandError(f"access.keys: there is no key of {center}: provisioning makes it")
        if file.stat().st_mode & 0o077:
            raise CommandError(f"access.keys: {file.name}: others can read it: chmod 600")
        try:
            return Signer(file, "access.keys")
        except ConfigError as error:
            raise CommandError(str(error)) from None

    def _message(self, identifier: str, wish: Wish, by: str, approved_by: str, now: int) -> dict[str, Any]:
        return {
            "id": identifier,
            "thing": wish.thing,
            "name": wish.name,
            "arguments": dict(wish.arguments),
            "expires": now + wish.valid_for,
            "by": f"{wish.center}/{by}",
            "approved_by": approved_by,
            "reason": wish.reason,
        }

    def _note(self, event: str, asker: Asker, identifier: str, wish: Wish) -> None:
        more = {"command": identifier, "thing": wish.thing, "name": wish.name, "arguments": dict(wish.arguments)}
        self._audit.write(event, asker.name, why=wish.reason, **more)


def _command(row: Row[Any], results: Sequence[dict[str, Any]]) -> Command:
    wish = Wish(row.center, row.publisher, row.thing, row.name, json.loads(row.arguments), row.reason, row.valid_for)
    return Command(
        row.id,
        wish,
        row.asked_by,
        row.asked,
        row.approved_by,
        row.approved,
        row.withdrawn_by,
        row.payload,
        tuple(results),
    )
