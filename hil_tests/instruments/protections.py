"""Which protections can be switched off, to show that the tests bite? Each in the process that it runs in."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import edge.outbox
from collector.embedded.writing import Writing
from collector.receiving.inbox import Arrival, Inbox
from collector.series.batch import Batch, Positions
from edge.modbus.client import Client as ModbusClient
from edge.schedule import Schedule
from edge.uplink import Uplink


def receipt() -> None:
    """The gateway takes the broker's PUBACK for the collector's receipt."""
    new_client = Uplink._new_client  # noqa: SLF001

    def with_puback(self: Any, loop: asyncio.AbstractEventLoop, events: Any) -> Any:
        client: Any = new_client(self, loop, events)
        sent: dict[int, int | None] = {}
        publish = client.publish

        def published(topic: str, payload: bytes, **how: Any) -> Any:
            told = publish(topic, payload, **how)
            sent[told.mid] = json.loads(payload).get("seq")
            return told

        def done(mid: int) -> None:
            if seq := sent.pop(mid, None):
                self._outbox.received([[seq, seq]])
                self._due.receipted(seq)

        def told_by(mid: int) -> None:
            loop.call_soon_threadsafe(done, mid)

        client.publish = published
        client.on_publish = lambda _client, _user, mid, _reason, _properties: told_by(mid)
        return client

    Uplink._new_client = with_puback  # type: ignore[method-assign]  # noqa: SLF001


def outbox_flush() -> None:
    """The gateway's outbox does not wait for the disk."""
    made = edge.outbox.Outbox.__init__

    def without_sync(self: Any, connection: Any, *rest: Any) -> None:
        made(self, connection, *rest)
        connection.execute("PRAGMA synchronous=OFF").fetchall()

    edge.outbox.Outbox.__init__ = without_sync  # type: ignore[method-assign, assignment]


def dedupe() -> None:
    """The store takes what it has already for new."""

    def everything(_self: Writing, _taken: Batch, doubtful: Positions) -> Positions:
        return doubtful

    Writing._not_kept = everything  # type: ignore[method-assign, assignment]  # noqa: SLF001


def stale_reply() -> None:
    """A Modbus line goes on after a failure as if nothing could come late, and asks who failed again at once."""
    failed = Schedule.failed

    def at_once(self: Schedule, thing: str, now: float) -> float:
        failed(self, thing, now)
        entry = self._entries[thing]
        entry.due, entry.cost, entry.is_proven = now, 0.0, True
        return 0.0

    Schedule.failed = at_once  # type: ignore[method-assign]
    ModbusClient._failed = lambda _self, _unit_id: None  # type: ignore[method-assign, assignment]  # noqa: SLF001


def puback() -> None:
    """The collector acknowledges what arrives before it is committed."""
    put = Inbox.put

    def acknowledged(self: Inbox, arrival: Arrival) -> None:
        arrival.sender.acknowledge(arrival.packet_ids)
        put(self, arrival._replace(packet_ids=[]))

    Inbox.put = acknowledged  # type: ignore[method-assign]


OFF: Mapping[str, Callable[[], None]] = {
    "receipt": receipt,
    "outbox-flush": outbox_flush,
    "dedupe": dedupe,
    "stale-reply": stale_reply,
    "puback-after-commit": puback,
}
