"""How does a node stay in touch with its broker? One MQTT 3.1.1 connection over mutual TLS, made again for ever.

An outage is a state (``link.connected``), not an exception. Every wait has a deadline; nothing blocks the interpreter
but the resolution of a host name. QoS 1 on a clean session: what must not be lost waits in the outbox, not here.
"""

import asyncio
import os
import time

from firmware import mqtt_codec as mqtt
from firmware.forgetting import forget

STEP_S = 15  # deadline of connecting, of the TLS handshake with CONNACK, of SUBACK, of a write
PUBACK_MS = 15000  # a PUBACK that takes longer means a dead peer
IN_FLIGHT = 16  # PUBLISH packets without a PUBACK
STEADY_MS = 5000  # a session that lived this long resets the backoff
LARGEST = 4096  # bytes of one incoming packet
BACKOFF_MS = (500, 30000)


class LinkError(Exception):
    """This connection is over: wait, then make another."""


class Link:
    """``will`` returns (topic, payload) to be published, retained, when the connection breaks.

    ``on_message(topic, payload, retained)`` and ``on_connected()`` are plain functions. ``broker`` has host, port and
    server_name; ``context`` is the node's side of TLS; ``now_ms()`` is the time in ms since 1970 UTC, or None.
    """

    def __init__(self, client_id: str, broker: dict, context, filters: list, now_ms, keep_alive: int = 30) -> None:
        self.connected = False
        self.error = ""  # why the last connection ended
        self.connections = 0
        self.confirmed = 0  # PUBACKs
        self.will = None
        self.certificate_ends_s = 0  # of our own certificate, s since 1970 UTC
        self._now_ms = now_ms
        self.on_message = None
        self.on_connected = None
        self._client_id = client_id
        self._broker = broker
        self._context = context
        self._filters = filters
        self._keep_alive = keep_alive
        self._writer = None
        self._buffer = bytearray(512)  # taken once: a long-lived heap has no large pieces left
        self._packet_id = 0
        self._unconfirmed = {}  # packet id of a PUBLISH: when it was sent
        self._suback = None
        self._is_greeted = False  # the broker has answered CONNECT
        self._heard = self._said = 0  # when, in ticks
        self._ticks = time.ticks_ms()
        self._elapsed = 0  # ms since the start; ticks wrap

    async def run(self) -> None:
        """Connect, serve, wait, again. Never returns."""
        wait = BACKOFF_MS[0]
        while True:
            begun = time.ticks_ms()
            try:
                await self._session()
            except (LinkError, OSError, ValueError, asyncio.TimeoutError, EOFError) as error:
                # ValueError: mbedTLS on a certificate it does not accept, PacketError on bytes that are not MQTT
                self.error = self._reason(error)
            if self.connected and time.ticks_diff(time.ticks_ms(), begun) > STEADY_MS:
                wait = BACKOFF_MS[0]
            self.connected = False
            await self._close()
            pause = wait // 2 + wait // 2 * os.urandom(1)[0] // 255  # jitter: a city of nodes must not knock at once
            print("link: " + self.error + "; again in " + str(pause) + " ms")
            await asyncio.sleep_ms(pause)
            wait = min(wait * 2, BACKOFF_MS[1])

    def _reason(self, error) -> str:
        from firmware.refusal import reason

        found = reason(error, self._is_greeted, self.certificate_ends_s * 1000 < (self._now_ms() or 0))
        forget("refusal")  # most connections last for weeks
        return found

    async def publish(self, topic: str, payload: bytes, retain: bool = False) -> bool:
        """Write one message at QoS 1; False when there is no connection. True promises nothing but the attempt."""
        while self.connected and len(self._unconfirmed) >= IN_FLIGHT:
            await asyncio.sleep_ms(10)
        if not self.connected:
            return False
        packet_id = self._next_packet_id()
        self._unconfirmed[packet_id] = time.ticks_ms()
        try:
            await self._write(mqtt.publish(topic, payload, 1, packet_id, retain))
        except (LinkError, OSError, ValueError, asyncio.TimeoutError) as error:
            self.error = "write: " + (str(error) or error.__class__.__name__)
            self.connected = False
            return False
        return True

    async def leave(self, wait_ms: int) -> None:
        """Say good-bye when the broker has confirmed everything, or after ``wait_ms``; ``run`` must be cancelled."""
        begun = self.elapsed_ms()
        while self.connected and self._unconfirmed and self.elapsed_ms() - begun < wait_ms:
            await asyncio.sleep_ms(10)
        try:
            await self._write(mqtt.disconnect())
        except (LinkError, OSError, ValueError, asyncio.TimeoutError):
            pass  # it is over either way
        await self._close()

    def elapsed_ms(self) -> int:
        """Milliseconds since the start, in which the timers of the network count."""
        now = time.ticks_ms()
        self._elapsed += time.ticks_diff(now, self._ticks)
        self._ticks = now
        return self._elapsed

    # ---- one connection

    async def _session(self) -> None:
        self._unconfirmed.clear()
        self._suback = None
        self._is_greeted = False
        reader, self._writer = await asyncio.wait_for(
            asyncio.open_connection(
                self._broker["host"],
                self._broker["port"],
                ssl=self._context,
                server_hostname=self._broker["server_name"],
            ),
            STEP_S,
        )
        will = self.will() if self.will else None
        await self._write(
            mqtt.connect(self._client_id, self._keep_alive, True, (will[0], will[1], 1, True) if will else None)
        )
        decoder = mqtt.Decoder(LARGEST, skips=True)
        packets = await self._first_packets(reader, decoder)
        code = packets[0][2] if packets[0][0] == mqtt.CONNACK else None
        if code is None:
            raise LinkError("expected CONNACK")
        self._is_greeted = True
        if code:
            raise LinkError("refused: " + (mqtt.CONNACK_TEXT[code] if code < 6 else "code " + str(code)))
        reading = asyncio.create_task(self._read(reader, decoder, packets[1:]))
        try:
            await self._subscribe(reading)
            self.connected = True
            self.connections += 1
            if self.on_connected:
                self.on_connected()
            while self.connected and not reading.done():
                await self._keep_up()
                await asyncio.sleep_ms(200)
        finally:
            reading.cancel()
        raise LinkError(self.error or "connection closed")

    async def _first_packets(self, reader, decoder) -> list:
        packets = []
        while not packets:
            size = await asyncio.wait_for(reader.readinto(self._buffer), STEP_S)
            if not size:
                raise LinkError("closed before CONNACK")
            packets = decoder.feed(bytes(self._buffer[:size]))
        return packets

    async def _subscribe(self, reading) -> None:
        packet_id = self._next_packet_id()
        await self._write(mqtt.subscribe(packet_id, [(name, 0) for name in self._filters]))
        begun = time.ticks_ms()
        while self._suback is None or self._suback[1] != packet_id:
            if reading.done() or time.ticks_diff(time.ticks_ms(), begun) > STEP_S * 1000:
                raise LinkError(self.error or "no SUBACK")
            await asyncio.sleep_ms(10)
        codes = self._suback[2]
        refused = [name for name, code in zip(self._filters, codes) if code == mqtt.REFUSED]
        if refused or len(codes) != len(self._filters):
            raise LinkError("subscription refused: " + " ".join(refused))

    async def _read(self, reader, decoder, packets: list) -> None:
        """Take packets in every state after CONNACK; ends, with ``error`` set, when the connection does."""
        try:
            while True:
                self._heard = time.ticks_ms()
                for packet in packets:
                    await self._take(packet)
                size = await reader.readinto(self._buffer)
                if not size:
                    self.error = "closed by the broker"
                    return
                packets = decoder.feed(bytes(self._buffer[:size]))
        except (LinkError, OSError, ValueError, asyncio.TimeoutError) as error:
            self.error = "read: " + (str(error) or error.__class__.__name__)

    async def _take(self, packet: tuple) -> None:
        kind = packet[0]
        if kind == mqtt.PUBLISH:
            _, topic, payload, qos, packet_id, retained, _ = packet
            if self.on_message:
                self.on_message(topic, payload, retained)
            if qos:
                await self._write(mqtt.puback(packet_id))
        elif kind == mqtt.PUBACK:
            if self._unconfirmed.pop(packet[1], None) is not None:
                self.confirmed += 1
        elif kind == mqtt.SUBACK:
            self._suback = packet

    async def _keep_up(self) -> None:
        now = time.ticks_ms()
        if time.ticks_diff(now, self._heard) > self._keep_alive * 1500:
            raise LinkError("nothing heard for " + str(self._keep_alive * 3 // 2) + " s")
        for sent in self._unconfirmed.values():
            if time.ticks_diff(now, sent) > PUBACK_MS:
                raise LinkError("no PUBACK for " + str(PUBACK_MS // 1000) + " s")
        half = self._keep_alive * 500
        if time.ticks_diff(now, self._said) > half or time.ticks_diff(now, self._heard) > half:
            await self._write(mqtt.pingreq())

    async def _write(self, octets: bytes) -> None:
        if self._writer is None:
            raise LinkError("not connected")
        self._writer.write(octets)
        self._said = time.ticks_ms()
        await asyncio.wait_for(self._writer.drain(), STEP_S)

    async def _close(self) -> None:
        writer, self._writer = self._writer, None
        self._unconfirmed.clear()
        if writer is not None:
            try:
                writer.close()
                await asyncio.wait_for(writer.wait_closed(), 2)
            except (OSError, ValueError, asyncio.TimeoutError):
                return  # it is over either way

    def _next_packet_id(self) -> int:
        while True:
            self._packet_id = self._packet_id % 65535 + 1
            if self._packet_id not in self._unconfirmed:
                return self._packet_id
