"""How do messages come in? MQTT at QoS 1; acknowledged only once they are committed.

A collector that works alone keeps its session. Several that share subscribe together, each on a clean session: the
session of one that died would keep its share of the messages from the others. What is lost with it has no receipt, and
is published again.
"""

import asyncio
import gc
import logging
import random
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Protocol

from sqlalchemy.exc import DBAPIError

from collector.city import City
from collector.clock import now
from collector.config import BrokerConfig
from collector.ingest import Outcome
from collector.ledger import Key
from collector.messages.message import Message
from collector.messages.replay import Replays, command
from collector.ranges import Ranges
from collector.receiving.connection import BrokerError, Connection
from collector.receiving.inbox import Arrival, Inbox, Sender
from collector.receiving.linger import Linger
from collector.signature import Signer
from collector.store import StoreError
from firmware import contract, orders
from firmware import mqtt_codec as mqtt
from firmware.mqtt_broker_side import unsubscribe

log = logging.getLogger("collector.receive")

SLOW = 1.5  # s that a commit may take before /health tells; InfluxDB 3 answers once a second
CHANNELS = ("reading", "state", "result")
LOOK_AROUND = 5.0  # s
RETAINED = 5.0  # s in which a broker hands out the states it has retained
ASKS = "collector"  # who asks for replays: gateways know the key of that certificate
BEHIND = 1_000  # messages that wait: then copies are left out
UNSENT = 256 * 1024  # bytes that the broker has not taken: then copies are left out
RECEIPT_RANGES = 1_000  # per receipt: well under what one message may hold


@contextmanager
def expecting_batches() -> Iterator[None]:
    """Tell the garbage collector that batches come: ten thousands of containers at once, and no cycles in them.

    For the whole process, once, when all is loaded; it saves a fifth of what a message costs. What is loaded stays, and
    is not searched again: that would hold up a commit for a tenth of a second. At the end it is let go, or libraries in
    C tell all of it as leaked.
    """
    before = gc.get_threshold()
    gc.set_threshold(200_000, 50, 100)
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)


class Writer(Protocol):
    """What commits a batch; it blocks."""

    def commit(self, messages: list[Message], now: int) -> Outcome: ...


class Receiver:
    """Three tasks: one keeps the connection, one commits batches and answers, one asks gateways for what is missing."""

    def __init__(self, city: City, writer: Writer, broker: BrokerConfig, inbox: Inbox | None = None) -> None:
        self._city = city
        self._writer = writer
        self._broker = broker
        self._signer = Signer(broker.key)
        self._inbox = Inbox() if inbox is None else inbox
        self._connection: Connection | None = None
        self.connected = asyncio.Event()
        """Set once subscribed, for the first time: from here on the broker keeps messages for the collector."""
        self._linger = Linger()
        self.keep_alive = 20  # s
        self._committed: float | None = None  # when, by the steady clock
        city.metrics.watch("inbox_messages", lambda: len(self._inbox))
        city.metrics.watch("inbox_bytes", lambda: self._inbox.size)
        city.metrics.watch("backlog_age_seconds", self._backlog_age)
        city.metrics.watch("last_commit_age_seconds", self._commit_age)

    async def run(self) -> None:
        """Until cancelled; then say goodbye to the broker. What is not committed is delivered again."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._stay_connected())
            tasks.create_task(self._commit_batches())
            tasks.create_task(self._look_around())

    def publish(self, topic: str, payload: bytes) -> bool:
        """At QoS 0; whether there is a connection to send it over."""
        if self._connection is None:
            return False
        self._connection.write(mqtt.publish(topic, payload))
        return True

    def send_copies(self, packets: bytes) -> bool:
        """Packets of less weight than any receipt: not sent, and False, while much waits on either side."""
        connection = self._connection
        if connection is None or len(self._inbox) > BEHIND or connection.unsent > UNSENT:
            return False
        connection.write(packets)
        return True

    # ---- the connection ---------------------------------------------------------------------------------------------

    async def _stay_connected(self) -> None:
        self._city.health.ails("broker", "no connection yet")
        tls = _tls(self._broker)
        attempt = 0
        while True:
            await self._inbox.room()  # each connection brings what was not acknowledged on the one before, once more
            started = time.monotonic()
            reason = await self._connect_once(tls)
            self._city.health.ails("broker", reason)
            log.warning("broker: %s", reason)
            attempt = 0 if time.monotonic() - started > 10 else attempt + 1
            await asyncio.sleep(min(5.0, 0.1 * 2 ** min(attempt, 6)) * random.uniform(0.5, 1.0))  # noqa: S311  # jitter

    async def _connect_once(self, tls: ssl.SSLContext) -> str:
        """Return why the connection ended."""
        broker = self._broker
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(10):
                _, connection = await loop.create_connection(
                    lambda: Connection(self._inbox, self._hello(), self.keep_alive),
                    broker.host,
                    broker.port,
                    ssl=tls,
                    server_hostname=broker.server_name,
                )
        except TimeoutError:
            return f"no connection to {broker.host}:{broker.port} within 10 s"
        except OSError as error:  # TLS errors are OSErrors
            return f"no connection to {broker.host}:{broker.port}: {error}"
        try:
            async with asyncio.timeout(10):
                await self._greet(connection)
            self._connection = connection
            return await connection.stay_alive()
        except TimeoutError:
            return "the broker did not answer CONNECT and SUBSCRIBE within 10 s"
        except BrokerError as error:
            return str(error)
        finally:
            self._connection = None
            if connection.is_open:
                self._publish_state(connection, online=False)
                await connection.close()

    async def _greet(self, connection: Connection) -> None:
        _, code = await connection.connack
        if code:
            words = mqtt.CONNACK_TEXT[code] if code < len(mqtt.CONNACK_TEXT) else f"code {code}"
            raise BrokerError(f"the broker refuses the collector: {words}")
        filters = self._filters()
        connection.write(mqtt.subscribe(1, [(name, 1) for name in filters]))
        codes = await connection.suback
        for name, granted in zip(filters, codes, strict=True):
            if granted != 1:
                raise BrokerError(f"the broker refuses the subscription to {name} at QoS 1 (code {granted})")
        if self._broker.share:
            asyncio.get_running_loop().call_later(RETAINED, connection.write, unsubscribe(2, filters[-1:]))
        self._publish_state(connection, online=True)
        self._city.metrics.add("connections_total")
        self._city.health.well("broker")
        self.connected.set()
        log.info("receiving from %s:%d", self._broker.host, self._broker.port)

    def _filters(self) -> list[str]:
        """What to subscribe to; of several that share, each hears ``collector/state``, and all states for a while.

        A shared subscription is given nothing retained (MQTT 5 4.8.2; mosquitto 2.0 gives it all the same), and what a
        publisher that sleeps, or is gone, said last stands nowhere else. For longer, a will would be heard, and dated,
        by each of them.
        """
        filters = [contract.topic(self._city.registry.city, "+", channel) for channel in CHANNELS]
        if not self._broker.share:
            return filters
        shared = [f"$share/{self._broker.share}/{name}" for name in filters]
        return [*shared, self._state_topic, contract.topic(self._city.registry.city, "+", "state")]

    def _hello(self) -> bytes:
        will = (self._state_topic, contract.encode_state({"at": now(), "online": False}), 1, True)
        is_alone = self._broker.share is None
        return mqtt.connect(self._broker.client_id, self.keep_alive, clean_session=not is_alone, will=will)

    def _publish_state(self, connection: Connection, *, online: bool) -> None:
        state = contract.encode_state({"at": now(), "online": online})
        connection.write(mqtt.publish(self._state_topic, state, retain=True))

    @property
    def _state_topic(self) -> str:
        return contract.topic(self._city.registry.city, "collector", "state")

    # ---- the batches ------------------------------------------------------------------------------------------------

    async def _commit_batches(self) -> None:
        while True:
            arrivals = await self._inbox.take(self._linger.left)
            messages = [message for arrival in arrivals for message in arrival.messages]
            self._city.metrics.add("messages_received_total", len(messages))
            if self._broker.share:
                self._contradict(messages)
            outcome = await self._commit(messages)
            self._acknowledge(arrivals)
            self._send_receipts(outcome.receipts)
            if outcome.kept:
                self._city.feed.publish(outcome.kept)

    async def _commit(self, messages: list[Message]) -> Outcome:
        """Try until it is durable. Meanwhile nothing is acknowledged, the inbox fills, and the socket rests."""
        pause = 0.1  # s
        while True:
            began = time.monotonic()
            try:
                outcome = await self._write_watched(messages)
            except (StoreError, DBAPIError) as error:
                self._city.metrics.add("commits_failed_total")
                reason = str(error).splitlines()[0]
                self._city.health.ails("store", f"a batch cannot be committed: {reason}")
                log.warning("store: %s", reason)
                await asyncio.sleep(pause)
                pause = min(5.0, pause * 2)
            else:
                self._committed = time.monotonic()
                self._linger.took(self._committed - began)
                if self._committed - began < SLOW or not len(self._inbox):
                    self._city.health.well("store")
                return outcome

    async def _write_watched(self, messages: list[Message]) -> Outcome:
        """Commit, and tell while it takes long."""
        slowness = f"a batch takes more than {SLOW} s to be committed"
        telling = asyncio.get_running_loop().call_later(SLOW, self._city.health.ails, "store", slowness)
        try:
            return await self._city.writer.write(partial(self._writer.commit, messages, now()))
        finally:
            telling.cancel()

    def _contradict(self, messages: list[Message]) -> None:
        """Where another collector says that the collector is gone, say that one is here: publishers would pause."""
        said = [one.payload for one in messages if one.topic == self._state_topic]
        with suppress(contract.ContractError):
            if said and self._connection and not contract.decode_state(said[-1])["online"]:
                self._publish_state(self._connection, online=True)

    def _backlog_age(self) -> float:
        oldest = self._inbox.oldest
        return 0 if oldest is None else max(0, now() - oldest) / 1000

    def _commit_age(self) -> float | None:
        return None if self._committed is None else time.monotonic() - self._committed

    def _acknowledge(self, arrivals: list[Arrival]) -> None:
        by_sender: dict[Sender, list[int]] = {}
        for _, packet_ids, sender in arrivals:
            by_sender.setdefault(sender, []).extend(packet_ids)
        for sender, packet_ids in by_sender.items():
            sender.acknowledge(packet_ids)
            self._city.metrics.add("messages_acknowledged_total", len(packet_ids))

    def _send_receipts(self, receipts: dict[Key, Ranges]) -> None:
        """At QoS 0: a lost receipt costs one repetition."""
        packets = []
        for (publisher, outbox), received in receipts.items():
            topic = contract.topic(self._city.registry.city, publisher, "receipt")
            for start in range(0, len(received), RECEIPT_RANGES):
                part = [list(pair) for pair in received[start : start + RECEIPT_RANGES]]
                packets.append(mqtt.publish(topic, contract.encode_receipt(outbox, part)))
        if packets and self._connection:
            self._connection.write(b"".join(packets))
            self._city.metrics.add("receipts_total", len(packets))

    # ---- what is missing ------------------------------------------------------------------------------------------

    async def _look_around(self) -> None:
        replays = Replays()
        while True:
            await asyncio.sleep(LOOK_AROUND)
            if self._broker.share:
                await self._learn()
            if self._connection and self._broker.member in {"", ASKS}:
                self._ask_for_replays(replays, self._connection)

    async def _learn(self) -> None:
        """What other collectors have written meanwhile."""
        try:
            await self._city.writer.write(self._city.ledger.refresh)
            await self._city.writer.write(self._city.registry.refresh)
            await self._city.writer.write(self._city.access.erasures.refresh)
        except DBAPIError as error:
            log.warning("metadata: %s", error)

    def _ask_for_replays(self, replays: Replays, connection: Connection) -> None:
        registry = self._city.registry
        gateways = {one.id for one in registry.publishers.values() if one.role == "gateway"}
        accounts = [one for one in self._city.ledger.accounts if one.publisher in gateways]
        for wanted in replays.due(accounts, now()):
            payload = orders.encode_command(self._signer.signed(command(wanted, now())))
            connection.write(mqtt.publish(contract.topic(registry.city, wanted.publisher, "command"), payload))
            self._city.metrics.add("replays_asked_total")
            log.info("asking %s for messages %d to %d again", wanted.publisher, wanted.first, wanted.last)


def _tls(broker: BrokerConfig) -> ssl.SSLContext:
    """Mutual TLS; TLS 1.2 stays allowed, since it is the chips' best."""
    context = ssl.create_default_context(cafile=broker.ca)
    context.load_cert_chain(broker.certificate, broker.key)
    return context
