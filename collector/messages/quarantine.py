"""What was held back, and why? Durable, per reading, bounded per publisher, releasable once the cause is mended."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Connection, Engine, delete, func, select

from collector.metadata import forgotten, insert, quarantine

LIMIT = 10_000  # readings per publisher; the oldest make room and are counted


FORGOTTEN = "forgotten"
# What stands in a reason -> the kind it is counted as: a metric must not have a label for every text there is.
_KINDS = {
    "unknown publisher": "unknown publisher",
    "unknown thing": "unknown thing",
    "not_yours": "not_yours",
    "in the future": "future",
    "years ago": "past",
    "too many": "too many",
    "retention": "beyond retention",
    "topic": "topic",
    "not JSON": "not JSON",
    "unknown quantity": "unknown quantity",
}


def kind_of_reason(reason: str) -> str:
    """One of a few: the first that stands in the reason, else ``other``."""
    return next((kind for words, kind in _KINDS.items() if words in reason), "other")


@dataclass(frozen=True, slots=True)
class Held:
    """One reading, or one whole payload when no reading could be made out in it."""

    publisher: str
    """As its topic names it; "" when the topic is not of the contract."""
    topic: str
    received: int
    """ms UTC."""
    content: bytes
    """JSON of one reading; the payload as it came when ``whole``."""
    whole: bool
    reason: str
    outbox: str | None = None
    seq: int | None = None
    id: int = 0
    """0 until it is held."""


class Quarantine:
    """Written by the one writer; the questions block, and may be asked from any thread."""

    def __init__(self, engine: Engine, limit: int = LIMIT) -> None:
        self._engine = engine
        self._limit = limit

    def hold(self, connection: Connection, several: Sequence[Held]) -> None:
        """Hold these in the caller's transaction; what is held already is not held twice."""
        rows = [
            {
                "publisher": one.publisher,
                "digest": sha256(one.topic.encode() + b"\n" + one.content).hexdigest(),
                "received": one.received,
                "topic": one.topic,
                "outbox": one.outbox,
                "seq": one.seq,
                "content": one.content,
                "whole": one.whole,
                "reason": one.reason,
            }
            for one in several
        ]
        if rows:
            connection.execute(insert(connection, quarantine).on_conflict_do_nothing(), rows)
            for publisher in {one.publisher for one in several}:
                self._make_room(connection, publisher)

    def _make_room(self, connection: Connection, publisher: str) -> None:
        own = quarantine.c.publisher == publisher
        over = connection.scalar(select(func.count()).select_from(quarantine).where(own)) or 0
        over -= self._limit
        if over > 0:
            oldest = select(quarantine.c.id).where(own).order_by(quarantine.c.id).limit(over)
            connection.execute(delete(quarantine).where(quarantine.c.id.in_(oldest)))
            statement = insert(connection, forgotten).values(publisher=publisher, count=over)
            more = forgotten.c.count + over
            connection.execute(statement.on_conflict_do_update(index_elements=["publisher"], set_={"count": more}))

    def held(self, publisher: str | None = None, limit: int = 100, after: int = 0) -> list[Held]:
        """The oldest first, from the id behind ``after``."""
        names = ("publisher", "topic", "received", "content", "whole", "reason", "outbox", "seq", "id")
        query = select(*(quarantine.c[name] for name in names)).where(quarantine.c.id > after)
        if publisher is not None:
            query = query.where(quarantine.c.publisher == publisher)
        with self._engine.connect() as connection:
            return [Held(*row) for row in connection.execute(query.order_by(quarantine.c.id).limit(limit))]

    def newest(self) -> int:
        """The id of what was held last; 0 while nothing is held."""
        with self._engine.connect() as connection:
            return connection.scalar(select(func.max(quarantine.c.id))) or 0

    def counts(self) -> dict[str, dict[str, int]]:
        """Publisher -> reason -> readings held; the reason "forgotten" counts what had to make room."""
        number = func.count()
        query = select(quarantine.c.publisher, quarantine.c.reason, number)
        counts: dict[str, dict[str, int]] = {}
        with self._engine.connect() as connection:
            for publisher, reason, count in connection.execute(
                query.group_by(quarantine.c.publisher, quarantine.c.reason)
            ):
                counts.setdefault(publisher, {})[reason] = count
            for publisher, count in connection.execute(select(forgotten.c.publisher, forgotten.c.count)):
                counts.setdefault(publisher, {})[FORGOTTEN] = count
        return counts

    def let_go(self, connection: Connection, several: Sequence[Held]) -> None:
        """Drop what has been stored meanwhile, in the caller's transaction."""
        ids = [one.id for one in several]
        for start in range(0, len(ids), 500):
            connection.execute(delete(quarantine).where(quarantine.c.id.in_(ids[start : start + 500])))

    def erase(self, is_gone: Callable[[bytes], bool]) -> int:
        """Let go of the held readings whose content is to be erased; return how many."""
        with self._engine.begin() as connection:
            query = select(quarantine.c.id, quarantine.c.content).where(quarantine.c.whole.is_(False))
            gone = [row.id for row in connection.execute(query) if is_gone(row.content)]
            for start in range(0, len(gone), 500):
                connection.execute(delete(quarantine).where(quarantine.c.id.in_(gone[start : start + 500])))
        return len(gone)

    def holds(self, connection: Connection, publisher: str, outbox: str | None, seq: int) -> bool:
        """Is another reading of the same message still held?"""
        own = (quarantine.c.publisher == publisher, quarantine.c.outbox == outbox, quarantine.c.seq == seq)
        return connection.scalar(select(quarantine.c.id).where(*own).limit(1)) is not None
