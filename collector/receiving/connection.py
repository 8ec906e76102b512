"""One MQTT connection to the broker: bytes ⇄ packets, over asyncio, with the socket paused when the inbox is full."""

import asyncio
from contextlib import suppress
from typing import TypeVar, cast

from collector.clock import now
from collector.messages.message import Message
from collector.receiving.inbox import Arrival, Inbox
from firmware import mqtt_codec as mqtt

T = TypeVar("T")


class BrokerError(Exception):
    """The connection cannot be used, or ended; the text says why. Connect again."""


class Connection(asyncio.Protocol):
    """Takes PUBLISH in every state after CONNACK: a broker delivers a kept session before it answers SUBSCRIBE."""

    def __init__(self, inbox: Inbox, connect: bytes, keep_alive: int) -> None:
        loop = asyncio.get_running_loop()
        self._inbox = inbox
        self._connect = connect
        self._keep_alive = keep_alive
        self._decoder = mqtt.Decoder()
        self._transport: asyncio.Transport | None = None
        self._is_paused = False
        self._heard = loop.time()
        self.connack: asyncio.Future[tuple[bool, int]] = loop.create_future()
        self.suback: asyncio.Future[list[int]] = loop.create_future()
        self.ended: asyncio.Future[str] = loop.create_future()
        """Why it ended."""
        self._lost: asyncio.Future[None] = loop.create_future()

    # ---- asyncio calls these ----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._connect)

    def data_received(self, data: bytes) -> None:
        self._heard = asyncio.get_running_loop().time()
        try:
            packets = self._decoder.feed(data)
        except mqtt.PacketError as error:
            self._end(f"not MQTT: {error}")
            return
        published = [packet for packet in packets if packet[0] == mqtt.PUBLISH]
        if published:
            received = now()
            messages = [Message(packet[1], packet[2], received) for packet in published]
            packet_ids = [packet[4] for packet in published if packet[4]]
            self._inbox.put(Arrival(messages, packet_ids, self))
        if len(published) < len(packets):
            for packet in packets:
                if packet[0] == mqtt.CONNACK:
                    _resolve(self.connack, packet[1:])
                elif packet[0] == mqtt.SUBACK:
                    _resolve(self.suback, packet[2])
        if self._inbox.is_full and not self._is_paused and self._transport:
            self._is_paused = True
            self._transport.pause_reading()
            self._inbox.resume_later(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        _resolve(self._lost, None)
        self._end(f"connection lost: {exc}" if exc else "the broker closed the connection")

    # ---- the receiver calls these -----------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        return not self.ended.done()

    @property
    def unsent(self) -> int:
        """Bytes that wait for the broker to take them."""
        return self._transport.get_write_buffer_size() if self._transport else 0

    def acknowledge(self, packet_ids: list[int]) -> None:
        """All in one write. After the connection ended this does nothing: the broker delivers again."""
        self.write(b"".join(map(mqtt.puback, packet_ids)))

    def write(self, octets: bytes) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.write(octets)

    def resume(self) -> None:
        self._is_paused = False
        self._heard = asyncio.get_running_loop().time()
        if self._transport and not self._transport.is_closing():
            self._transport.resume_reading()

    async def stay_alive(self) -> str:
        """Ping until the connection ends, and end it when the broker falls silent; return why it ended."""
        while True:
            try:
                return await asyncio.wait_for(asyncio.shield(self.ended), self._keep_alive / 2)
            except TimeoutError:
                silence = asyncio.get_running_loop().time() - self._heard
                if silence > self._keep_alive * 1.5 and not self._is_paused:
                    self._end(f"no answer from the broker for {silence:.0f} s")
                self.write(mqtt.pingreq())

    async def close(self) -> None:
        """Say goodbye, and wait until the last bytes are out."""
        self.write(mqtt.disconnect())
        self._end("closed")
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._lost), 2)

    def _end(self, reason: str) -> None:
        _resolve(self.ended, reason)
        for waiting in (self.connack, self.suback):
            if not waiting.done():
                waiting.set_exception(BrokerError(reason))
                waiting.exception()  # nobody needs to wait for it
        if self._transport:
            self._transport.close()


def _resolve(future: asyncio.Future[T], outcome: T) -> None:
    if not future.done():
        future.set_result(outcome)
