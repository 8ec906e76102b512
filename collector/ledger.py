"""Which messages of each publisher have arrived, and which are missing? It accounts; it never suppresses a write."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Engine, select
from sqlalchemy.dialects.sqlite import insert

from collector import ranges
from collector.metadata import outbox
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

    def __init__(self, engine: Engine) -> None:
        columns = (outbox.c.publisher, outbox.c.outbox, outbox.c.first_seen, outbox.c.next_seq)
        states = (outbox.c.stored, outbox.c.quarantined, outbox.c.dropped, outbox.c.closed)
        with engine.connect() as connection:
            rows = connection.execute(select(*columns, *states)).all()
        self._accounts: dict[Key, Account] = {
            (row.publisher, row.outbox): Account(
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
        }
        self._open = {account.publisher: account for account in self._accounts.values() if not account.closed}

    @property
    def accounts(self) -> list[Account]:
        """Every account, open and closed."""
        return list(self._accounts.values())

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
        rows = [_row(account) for key, account in changed.items() if account != self._accounts.get(key)]
        if rows:
            statement = insert(outbox)
            updates = {name: statement.excluded[name] for name in rows[0] if name not in ("publisher", "outbox")}
            connection.execute(statement.on_conflict_do_update(["publisher", "outbox"], set_=updates), rows)
        return changed

    def take(self, changed: Mapping[Key, Account]) -> None:
        """Make durable accounts visible."""
        self._accounts.update(changed)
        self._open.update({account.publisher: account for account in changed.values() if not account.closed})


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
