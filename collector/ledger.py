"""Which messages of each publisher have arrived, and which are missing? It accounts; it never suppresses a write.

Several collectors share one ledger: each writes rows of its own, and whoever reads merges them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Engine, select

from collector import ranges
from collector.metadata import insert, outbox
from collector.ranges import Ranges


@dataclass(frozen=True, slots=True)
class Account:
    """One outbox of one publisher, by sequence numbers."""

    publisher: str
    outbox: str
    first_seen: int
    """ms UTC."""
    next_seq: int = 1
    """The first number that was not yet used, as far as is known."""
    stored: Ranges = ()
    quarantined: Ranges = ()
    """Messages of which at least one reading is held."""
    dropped: Ranges = ()
    """What the publisher itself declared as lost."""
    closed: bool = False
    """The publisher has begun another outbox: what this one held behind its last message is unknown."""

    @property
    def missing(self) -> Ranges:
        here = ranges.union(self.stored, self.quarantined, self.dropped)
        return ranges.gaps(here, max(self.next_seq - 1, here[-1][1] if here else 0))


@dataclass(slots=True)
class Arrivals:
    """What one batch says about one outbox."""

    stored: set[int]
    quarantined: set[int]
    dropped: Ranges = ()
    next_seq: int = 1


Key = tuple[str, str]  # publisher, outbox


class Ledger:
    """The accounts of all outboxes. Written by the one writer; readable from every thread."""

    def __init__(self, engine: Engine, collector: str = "") -> None:
        self._engine = engine
        self._collector = collector
        self._accounts: dict[Key, Account] = {}
        self._open: dict[str, Account] = {}
        self.refresh()

    @property
    def accounts(self) -> list[Account]:
        """Every account, open and closed, as this collector knew them when it last looked."""
        return list(self._accounts.values())

    def read(self) -> list[Account]:
        """Every account, with what other collectors have written; blocking. Raises sqlalchemy's DBAPIError."""
        return self.accounts if not self._collector else list(self._merged().values())

    def refresh(self) -> None:
        """Learn what other collectors have written; only in the thread that writes. Raises DBAPIError.

        What another has stored becomes part of this collector's next row: two that take turns would otherwise
        each be left with every second number, and rows that never end.
        """
        self._accounts = self._merged()
        self._open = {account.publisher: account for account in self._accounts.values() if not account.closed}

    def _merged(self) -> dict[Key, Account]:
        with self._engine.connect() as connection:
            rows = connection.execute(select(outbox)).all()
        return merge(
            Account(
                row.publisher,
                row.outbox,
                row.first_seen,
                row.next_seq,
                ranges.from_text(row.stored),
                ranges.from_text(row.quarantined),
                ranges.from_text(row.dropped),
                row.closed,
            )
            for row in rows
        )

    def write(self, connection: Connection, arrivals: Mapping[Key, Arrivals], now: int) -> dict[Key, Account]:
        """Write what a batch brought, in the caller's transaction; hand the result to ``take`` once it is committed."""
        changed: dict[Key, Account] = {}
        for key, arrival in arrivals.items():
            account = self._accounts.get(key)
            if account is None:
                publisher = key[0]
                account = Account(*key, first_seen=now)
                before = next((one for one in changed.values() if one.publisher == publisher and not one.closed), None)
                before = before or self._open.get(publisher)
                if before is not None:
                    changed[publisher, before.outbox] = replace(before, closed=True)
            changed[key] = _with(changed.get(key, account), arrival)
        rows = [
            _row(account) | {"collector": self._collector}
            for key, account in changed.items()
            if account != self._accounts.get(key)
        ]
        if rows:
            statement = insert(connection, outbox)
            identity = ["publisher", "outbox", "collector"]
            updates = {name: statement.excluded[name] for name in rows[0] if name not in identity}
            connection.execute(statement.on_conflict_do_update(index_elements=identity, set_=updates), rows)
        return changed

    def take(self, changed: Mapping[Key, Account]) -> None:
        """Make durable accounts visible."""
        self._accounts.update(changed)
        self._open.update({account.publisher: account for account in changed.values() if not account.closed})


def merge(accounts: Iterable[Account]) -> dict[Key, Account]:
    """One account per outbox of what several collectors know of it.

    What one has stored is stored, though another still holds it. The latest outbox of a publisher that nobody has seen
    a successor of is its open one; every other is closed.
    """
    merged: dict[Key, Account] = {}
    for one in accounts:
        key = one.publisher, one.outbox
        merged[key] = _both(merged[key], one) if key in merged else one
    is_open: dict[str, Account] = {}
    for one in merged.values():
        best = is_open.get(one.publisher, one)
        is_open[one.publisher] = max(best, one, key=lambda account: (not account.closed, account.first_seen))
    return {key: replace(one, closed=is_open[one.publisher] is not one) for key, one in merged.items()}


def _both(one: Account, other: Account) -> Account:
    stored = ranges.union(one.stored, other.stored)
    quarantined = ranges.without(ranges.union(one.quarantined, other.quarantined), stored)
    dropped = ranges.without(ranges.union(one.dropped, other.dropped), stored)
    return replace(
        one,
        first_seen=min(one.first_seen, other.first_seen),
        next_seq=max(one.next_seq, other.next_seq),
        stored=stored,
        quarantined=quarantined,
        dropped=ranges.without(dropped, quarantined),
        closed=one.closed or other.closed,
    )


def _with(account: Account, arrival: Arrivals) -> Account:
    """A quarantined message that is stored later moves to stored; dropped ones that come after all are not dropped."""
    stored = ranges.union(account.stored, ranges.of(arrival.stored - arrival.quarantined))
    quarantined = ranges.union(account.quarantined, ranges.of(arrival.quarantined))
    quarantined = ranges.without(quarantined, stored)
    dropped = ranges.union(account.dropped, arrival.dropped)
    last = max(arrival.stored | arrival.quarantined, default=0)
    return replace(
        account,
        next_seq=max(account.next_seq, arrival.next_seq, last + 1),
        stored=stored,
        quarantined=quarantined,
        dropped=ranges.without(ranges.without(dropped, stored), quarantined),
    )


def _row(account: Account) -> dict[str, object]:
    return {
        "publisher": account.publisher,
        "outbox": account.outbox,
        "first_seen": account.first_seen,
        "next_seq": account.next_seq,
        "stored": ranges.to_text(account.stored),
        "quarantined": ranges.to_text(account.quarantined),
        "dropped": ranges.to_text(account.dropped),
        "closed": account.closed,
    }
