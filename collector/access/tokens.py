"""Which machine or person is behind a bearer token? Named, scoped, expiring, revocable; only a hash of each is kept."""

import hashlib
import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Engine, Integer, String, Table, Text, select, update

from collector.access.asker import EVERY, ROLES, Asker, Grant, Role
from collector.metadata import in_turn, insert, metadata

PREFIX = "senzorika_"
"""So that whoever scans for secrets in the wrong places knows one."""
DAY = 86_400_000  # ms
LONGEST = 3 * 366  # days
STALE = 5_000  # ms until a token that another collector revoked is refused here too

token = Table(
    "token",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("name", String(64), nullable=False, unique=True),  # for ever: what stands in the log means one token
    Column("digest", String(64), nullable=False, unique=True),  # SHA-256
    Column("grants", Text, nullable=False),  # JSON: [["environment", "analyst"]]
    Column("purpose", Text, nullable=False),
    Column("created", BigInteger, nullable=False),  # ms UTC; so with the two that follow
    Column("expires", BigInteger, nullable=False),
    Column("revoked", BigInteger),
    sqlite_autoincrement=True,
)


class TokenError(Exception):
    """A token that can't be made or revoked; one line, naming the field."""


@dataclass(frozen=True, slots=True)
class Token:
    name: str
    grants: frozenset[Grant]
    purpose: str
    created: int
    expires: int
    revoked: int | None

    def holds(self, now: int) -> bool:
        return self.revoked is None and now < self.expires

    @property
    def asker(self) -> Asker:
        return Asker(self.name, self.grants, self.purpose)


class Tokens:
    """All of them, in memory and written through. ``now`` (ms UTC) comes from ``clock``."""

    def __init__(self, engine: Engine, clock: Callable[[], int]) -> None:
        self._engine = engine
        self._clock = clock
        self._by_digest: dict[str, Token] = {}
        self._read = 0
        self.refresh()

    def refresh(self) -> None:
        """Blocking."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(token).order_by(token.c.id)).all()
        self._by_digest = {row.digest: _token(row) for row in rows}
        self._read = self._clock()

    @property
    def is_stale(self) -> bool:
        return self._clock() - self._read > STALE

    def find(self, secret: str) -> Asker | None:
        """Who shows it; None when it is unknown, expired or revoked."""
        found = self._by_digest.get(_digest(secret))
        return found.asker if found and found.holds(self._clock()) else None

    @property
    def all(self) -> Sequence[Token]:
        return list(self._by_digest.values())

    def make(self, name: str, grants: Sequence[Grant], days: int, purpose: str = "") -> str:
        """Return the secret, which nobody can read again. Durable on return; raises TokenError."""
        if not (0 < len(name) <= 64 and name.isprintable()):
            raise TokenError("name: expected 1 to 64 characters that can be printed")
        if not 1 <= days <= LONGEST:
            raise TokenError(f"days: expected 1 to {LONGEST}, got {days}")
        if not grants:
            raise TokenError("grants: expected at least one")
        secret = PREFIX + secrets.token_urlsafe(32)
        now = self._clock()
        values = {
            "name": name,
            "digest": _digest(secret),
            "grants": json.dumps(sorted(grants)),
            "purpose": purpose,
            "created": now,
            "expires": now + days * DAY,
        }
        with in_turn(self._engine) as connection:
            made = connection.execute(insert(connection, token).values(values).on_conflict_do_nothing())
            if made.rowcount != 1:
                raise TokenError(f"name: there is, or was, a token {name}")
        self.refresh()
        return secret

    def revoke(self, name: str) -> None:
        """From now on, here at once; raises TokenError when there is none that still holds."""
        with in_turn(self._engine) as connection:
            own = (token.c.name == name, token.c.revoked.is_(None))
            gone = connection.execute(update(token).where(*own).values(revoked=self._clock()))
            if gone.rowcount != 1:
                raise TokenError(f"name: there is no token {name} to revoke")
        self.refresh()


def read_grant(text: str, centers: Sequence[str]) -> Grant:
    """``environment:analyst``, or ``*:admin``; raises TokenError."""
    center, _, role = text.partition(":")
    if center != EVERY and center not in centers:
        raise TokenError(f"grant: expected one of {' '.join(centers)} or {EVERY} before the colon, got {center}")
    found: Role | None = next((one for one in ROLES if one == role), None)
    if found is None:
        raise TokenError(f"grant: expected one of {' '.join(ROLES)} behind the colon, got {role}")
    return Grant(center, found)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()  # 256 random bits need no salt and no slow hash


def _token(row: object) -> Token:
    values = row._mapping  # type: ignore[attr-defined]  # noqa: SLF001  # SQLAlchemy's public name for a row as a mapping
    grants = frozenset(Grant(*one) for one in json.loads(values["grants"]))
    return Token(values["name"], grants, values["purpose"], values["created"], values["expires"], values["revoked"])
