"""How does the outbox reach the collector? Drains it to MQTT; the only importer of paho.

paho queues QoS 1 itself and would send again what the outbox sends again, so every connection is a new Client whose
queue is bounded and thrown away with it. A PUBACK only paces; only a receipt makes a message deletable.
"""

import asyncio
import logging
import random
import ssl
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, NamedTuple

from paho.mqtt.client import MQTT_ERR_SUCCESS, Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from edge.config import Config
from edge.errors import ConfigError
from edge.outbox import NORMAL, URGENT, Message, Outbox
from firmware import contract
from firmware.due import SIZE, URGENT_SHARE, Due

log = logging.getLogger(__name__)

KEEP_ALIVE = 30  # s
STATE_PERIOD = 300.0  # s
RARE_STATE_PERIOD = 3600.0  # s while the collector is away: the broker keeps every one of them for it
_ANSWER = 10.0  # s for TCP with TLS, CONNACK and SUBACK each
_TICK = 1.0  # s between looks at the timers
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 30.0  # s between connections
_STEADY = 5.0  # s after which a connection counts as one: a broker that hangs up at once is not asked ever faster
_REFUSED = 0x80


class UplinkError(Exception):
    """This connection is over or never was: wait, and make a new one."""


class _Event(NamedTuple):
    kind: str  # connected subscribed published message disconnected
    topic: str = ""
    payload: bytes = b""
    code: int = 0
    reason: str = ""
    is_retained: bool = False


class _NamedContext(ssl.SSLContext):
    """TLS that expects the configured server name; paho would take the host for it."""

    expected_name = ""

    def wrap_socket(self, *positional: Any, **named: Any) -> ssl.SSLSocket:
        return super().wrap_socket(*positional, **{**named, "server_hostname": self.expected_name})


def _tls(config: Config) -> ssl.SSLContext:
    context = _NamedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.expected_name = config.broker.server_name
    try:
        context.load_verify_locations(config.broker.ca)
    except (ssl.SSLError, OSError) as error:
        raise ConfigError(f"broker.ca: {config.broker.ca}: {error}") from error
    try:
        context.load_cert_chain(config.broker.certificate, config.broker.key)
    except (ssl.SSLError, OSError) as error:
        raise ConfigError(f"broker.certificate, broker.key: {config.broker.certificate}: {error}") from error
    return context


class Uplink:
    """Publishes what the outbox holds and marks what receipts name; ConfigError when a certificate cannot be read."""

    def __init__(self, config: Config, outbox: Outbox, clock: Callable[[], float] = time.time) -> None:
        self._config = config
        self._outbox = outbox
        self._clock = clock
        self._tls = _tls(config)
        self._due = Due()
        self._is_collector_online = True  # until its retained state says otherwise
        self._published = {URGENT: 0, NORMAL: 0}  # highest seq handed over, by lane
        self._events: asyncio.Queue[_Event] = asyncio.Queue()
        self._wait = _FIRST_WAIT
        self._told: list[list[int]] = []  # dropped ranges that the last state named
        self.on_command: Callable[[bytes, bool], None] = lambda _payload, _is_retained: None
        self.more_state: Callable[[], dict[str, Any]] = dict  # what else the state says
        self.is_connected = False

    def wake(self) -> None:
        """Something new is in the outbox."""
        self._events.put_nowait(_Event("wake"))

    def again(self, first: int) -> None:
        """Messages from this number on may wait for a receipt once more; 0: only something new is there."""
        if first:
            for lane in self._published:
                self._published[lane] = min(self._published[lane], first - 1)
        self.wake()

    async def run(self) -> None:
        """Stay connected, for ever; an outage is a state, not an error."""
        while True:
            started = time.monotonic()
            try:
                await self._one_connection()
            except UplinkError as error:
                if time.monotonic() - started > _STEADY:
                    self._wait = _FIRST_WAIT
                pause = self._wait * random.uniform(0.5, 1.0)  # noqa: S311 - spreads reconnections, guards nothing
                log.warning("uplink: %s; again in %.1f s", error, pause)
                await asyncio.sleep(pause)
                self._wait = min(2 * self._wait, _LONGEST_WAIT)

    async def _one_connection(self) -> None:
        events: asyncio.Queue[_Event] = asyncio.Queue()
        self._events = events
        client = self._new_client(asyncio.get_running_loop(), events)
        broker = self._config.broker
        try:
            async with asyncio.timeout(2 * _ANSWER):
                await asyncio.to_thread(client.connect, broker.host, broker.port, KEEP_ALIVE)
                client.loop_start()
                await self._greet(client, events)
            self.is_connected = True
            log.info("uplink: connected to %s:%d", broker.host, broker.port)
            await self._drain(client, events)
        except TimeoutError:
            raise UplinkError("the broker does not answer in time") from None
        except (OSError, ValueError) as error:  # ssl errors are OSError
            raise UplinkError(f"{broker.host}:{broker.port}: {error}") from error
        finally:
            self.is_connected = False
            if client.is_connected():
                # The state says offline, as the will would: DISCONNECT suppresses the will.
                client.publish(self._topic("state"), self._state(is_online=False), qos=1, retain=True)
            await asyncio.to_thread(_part, client)

    def _new_client(self, loop: asyncio.AbstractEventLoop, events: asyncio.Queue[_Event]) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._config.publisher,
            clean_session=True,
            protocol=MQTTv311,
            reconnect_on_failure=False,
        )
        client.connect_timeout = _ANSWER
        client.max_inflight_messages_set(2 * SIZE)
        client.max_queued_messages_set(2 * SIZE)
        client.tls_set_context(self._tls)
        client.will_set(self._topic("state"), self._state(is_online=False), qos=1, retain=True)

        def tell(event: _Event) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(events.put_nowait, event)

        client.on_connect = lambda _c, _u, _f, reason, _p: tell(
            _Event("connected", code=int(reason.is_failure), reason=str(reason))
        )
        client.on_subscribe = lambda _c, _u, _m, reasons, _p: tell(
            _Event("subscribed", code=max((reason.value for reason in reasons), default=_REFUSED))
        )
        client.on_message = lambda _c, _u, message: tell(
            _Event("message", message.topic, bytes(message.payload), is_retained=message.retain)
        )
        client.on_disconnect = lambda _c, _u, _f, reason, _p: tell(_Event("disconnected", reason=str(reason)))
        return client

    async def _greet(self, client: Client, events: asyncio.Queue[_Event]) -> None:
        """CONNACK, the subscriptions, each SUBACK checked, then our own state."""
        connected = await self._expect("connected", events)
        if connected.code:
            raise UplinkError(f"the broker refuses {self._config.publisher}: {connected.reason}")
        collector_state = contract.topic(self._config.city, "collector", "state")
        # The collector's state first: what is retained of it comes before the next SUBACK, and so before we publish.
        for name in (collector_state, self._topic("receipt"), self._topic("command")):
            client.subscribe(name, qos=0)
            subscribed = await self._expect("subscribed", events)
            if subscribed.code >= _REFUSED:
                raise UplinkError(f"the broker refuses the subscription to {name}")
        self._publish_state(client)
        self._due.connected(_now())

    async def _expect(self, kind: str, events: asyncio.Queue[_Event]) -> _Event:
        while True:
            event = await events.get()
            if event.kind == kind:
                return event
            self._take(event)

    async def _drain(self, client: Client, events: asyncio.Queue[_Event]) -> None:
        told, promised = time.monotonic(), self._state_period
        while True:
            self._feed(client)
            now = time.monotonic()
            if now >= told + min(promised, self._state_period) or self._outbox.dropped() != self._told:
                self._publish_state(client)
                told, promised = now, self._state_period
            try:
                async with asyncio.timeout(_TICK):
                    event = await events.get()
            except TimeoutError:
                continue
            self._take(event)
            while not events.empty():
                self._take(events.get_nowait())

    def _feed(self, client: Client) -> None:
        if self._is_collector_online and self._repeat(client):
            for lane in (URGENT, NORMAL):
                if not self._go_on(client, lane):
                    return

    def _repeat(self, client: Client) -> bool:
        """What is due again; False when the connection takes no more."""
        now = _now()
        while (seq := self._due.next(now)) is not None:
            message = self._outbox.message(seq)
            if message is None:
                self._due.receipted(seq)
            elif not self._publish(client, message, now):
                return False
        return True

    def _go_on(self, client: Client, lane: int) -> bool:
        """What was not published yet, as far as there is room; False when the connection takes no more."""
        room = (SIZE if lane == URGENT else SIZE - URGENT_SHARE) - len(self._due)
        for message in self._outbox.unreceived(lane, self._published[lane], max(0, room)):
            if not self._publish(client, message, _now()):
                return False
            self._published[lane] = message.seq
        return True

    def _publish(self, client: Client, message: Message, now: int) -> bool:
        if client.publish(self._topic(message.channel), message.payload, qos=1).rc != MQTT_ERR_SUCCESS:
            return False  # its queue is full, or the connection is going: the timers bring it again
        self._due.published(message.seq, now)
        return True

    def _take(self, event: _Event) -> None:
        if event.kind == "disconnected":
            raise UplinkError(f"disconnected: {event.reason}")
        if event.kind != "message":
            return
        if event.topic == self._topic("command"):
            self.on_command(event.payload, event.is_retained)
            return
        try:
            if event.topic == self._topic("receipt"):
                self._receipt(contract.decode_receipt(event.payload))
            else:
                self._is_collector_online = contract.decode_state(event.payload)["online"]
                self._due.collector(self._is_collector_online, _now())
        except contract.ContractError as error:
            log.warning("uplink: %s: %s", event.topic, error)

    def _receipt(self, receipt: dict[str, Any]) -> None:
        if receipt["outbox"] != self._outbox.id:
            return  # for an outbox this gateway had before
        noted = self._outbox.received(receipt["received"])
        if noted is None:
            log.error("uplink: the disk is full, a receipt could not be noted")
        for seq in noted or ():
            self._due.receipted(seq)

    def _publish_state(self, client: Client) -> None:
        self._told = self._outbox.dropped()
        client.publish(self._topic("state"), self._state(is_online=True), qos=1, retain=True)

    def _state(self, *, is_online: bool) -> bytes:
        at = int(self._clock() * 1000)
        counts = self._outbox.counts()
        state = {
            "at": at,
            "online": is_online,
            "firmware": version("senzorika"),
            "clock": "host",
            "outbox": self._outbox.id,
            "next_seq": counts.next_seq,
            "oldest_seq": counts.oldest_seq or counts.next_seq,
            "outbox_depth": counts.unreceived,
            "dropped": counts.dropped,
            **self.more_state(),
        }
        if is_online:
            state["next"] = at + int(self._state_period * 1000)
        return contract.encode_state(state, contract.GATEWAY_LIMIT)

    @property
    def _state_period(self) -> float:
        return STATE_PERIOD if self._is_collector_online else RARE_STATE_PERIOD

    def _topic(self, channel: str) -> str:
        return contract.topic(self._config.city, self._config.publisher, channel)


def _now() -> int:
    return time.monotonic_ns() // 1_000_000


def _part(client: Client) -> None:
    client.disconnect()
    client.loop_stop()
