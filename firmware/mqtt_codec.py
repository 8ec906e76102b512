"""MQTT 3.1.1 control packets as bytes in, values out, in both directions. No I/O (OASIS MQTT 3.1.1).

A packet is a tuple whose first item is its type:

    (CONNECT, client_id, keep_alive, clean_session, will, username, password)
                                          will: None or (topic, payload, qos, retain)
    (CONNACK, session_present, code)      (PUBLISH, topic, payload, qos, packet_id, retain, dup)
    (PUBACK, packet_id)                   (SUBSCRIBE, packet_id, [(topic_filter, qos), ...])
    (SUBACK, packet_id, codes)            (UNSUBSCRIBE, packet_id, [topic_filter, ...])
    (UNSUBACK, packet_id)                 (PINGREQ,) (PINGRESP,) (DISCONNECT,)

QoS 2 is not spoken here: its packets are refused. The same code serves nodes, the collector and test brokers.
"""

import struct

CONNECT, CONNACK, PUBLISH, PUBACK = 1, 2, 3, 4
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK = 8, 9, 10, 11
PINGREQ, PINGRESP, DISCONNECT = 12, 13, 14

REFUSED = 0x80  # a SUBACK code: this topic filter was refused

# CONNACK return codes (3.2.2.3), in words for the log
CONNACK_TEXT = (
    "accepted",
    "unacceptable protocol version",
    "client identifier rejected",
    "server unavailable",
    "bad user name or password",
    "not authorized",
)

_FLAGS = {CONNECT: 0, CONNACK: 0, PUBACK: 0, SUBSCRIBE: 2, SUBACK: 0, UNSUBSCRIBE: 2, UNSUBACK: 0}
_EMPTY = {PINGREQ: 0, PINGRESP: 0, DISCONNECT: 0}


class PacketError(ValueError):
    """Bytes that are not MQTT 3.1.1, or a packet that cannot be written: close the connection."""


# ---- values -> bytes ------------------------------------------------------------------------------------------------


def connect(
    client_id: str,
    keep_alive: int = 60,
    clean_session: bool = True,
    will: tuple | None = None,
    username: str | None = None,
    password: bytes | None = None,
) -> bytes:
    """``keep_alive`` in seconds; ``will`` is (topic, payload, qos, retain)."""
    flags = 2 if clean_session else 0
    body = string(client_id)
    if will is not None:
        flags |= 4 | will[2] << 3 | (0x20 if will[3] else 0)
        body += string(will[0]) + _binary(will[1])
    if username is not None:
        flags |= 0x80
        body += string(username)
    if password is not None:
        flags |= 0x40
        body += _binary(password)
    return packet(CONNECT, 0, b"\x00\x04MQTT\x04" + struct.pack(">BH", flags, keep_alive) + body)


def publish(
    topic: str, payload: bytes, qos: int = 0, packet_id: int = 0, retain: bool = False, dup: bool = False
) -> bytes:
    head = string(topic)
    if qos:
        if not 0 < packet_id < 65536:
            raise PacketError("packet identifier: expected 1 to 65535")
        head += struct.pack(">H", packet_id)
    return packet(PUBLISH, (8 if dup else 0) | qos << 1 | (1 if retain else 0), head, payload)


def puback(packet_id: int) -> bytes:
    return struct.pack(">BBH", PUBACK << 4, 2, packet_id)


def subscribe(packet_id: int, filters: list) -> bytes:
    """``filters``: [(topic filter, QoS)]."""
    body = b"".join([string(name) + bytes((qos,)) for name, qos in filters])
    return packet(SUBSCRIBE, 2, struct.pack(">H", packet_id) + body)


def pingreq() -> bytes:
    return b"\xc0\x00"


def disconnect() -> bytes:
    return b"\xe0\x00"


def packet(kind: int, flags: int, body: bytes, payload: bytes = b"") -> bytes:
    """``payload`` follows ``body``; it is copied once."""
    size = len(body) + len(payload)
    if size > 268435455:
        raise PacketError("packet: over 256 MiB")
    head = bytearray((kind << 4 | flags,))
    while True:
        head.append(size & 0x7F | (0x80 if size > 0x7F else 0))
        size >>= 7
        if not size:
            return b"".join((head, body, payload))


def string(text: str) -> bytes:
    return _binary(text.encode())


def _binary(octets: bytes) -> bytes:
    if len(octets) > 65535:
        raise PacketError("string: over 65535 bytes")
    return struct.pack(">H", len(octets)) + octets


# ---- bytes -> values ------------------------------------------------------------------------------------------------


class Decoder:
    """Cuts a byte stream into packets; ``limit`` bounds the size of one packet in bytes.

    A larger one ends the stream, or, with ``skips``, is passed over and counted in ``skipped``: a retained message that
    nobody here can hold must not end every connection.
    """

    def __init__(self, limit: int = 1 << 20, skips: bool = False) -> None:
        self.skipped = 0
        self._limit = limit
        self._skips = skips
        self._to_skip = 0
        self._rest = b""

    def feed(self, octets: bytes) -> list:
        """Return the packets that are complete now; raise PacketError once the stream is not MQTT."""
        if self._to_skip:
            passed = min(self._to_skip, len(octets))
            self._to_skip -= passed
            octets = octets[passed:]
        buffer = self._rest + octets if self._rest else octets
        end, start, packets = len(buffer), 0, []
        while end - start >= 2:
            size, shift, body = buffer[start + 1], 7, start + 2
            if size > 0x7F:
                size &= 0x7F
                while True:
                    if body >= end:
                        body = 0  # the length itself is not complete yet
                        break
                    digit = buffer[body]
                    size |= (digit & 0x7F) << shift
                    shift += 7
                    body += 1
                    if digit < 0x80:
                        break
                    if shift > 21:
                        raise PacketError("remaining length: over four bytes")
                if not body:
                    break
            if size > self._limit and self._skips:
                self.skipped += 1
                self._to_skip = max(body + size - end, 0)
                start = min(body + size, end)
                continue
            if size > self._limit:
                raise PacketError("packet of " + str(size) + " bytes, at most " + str(self._limit) + " are taken")
            if body + size > end:
                break
            first = buffer[start]
            if first >> 4 == PUBLISH:
                packets.append(_published(first, buffer, body, body + size))
            else:
                packets.append(_packet_of(first >> 4, first & 0x0F, bytes(buffer[body : body + size])))
            start = body + size
        self._rest = bytes(buffer[start:])
        return packets


def _published(first: int, buffer: bytes, start: int, end: int) -> tuple:
    qos = first >> 1 & 3
    if end - start < 2 or qos > 1:
        raise PacketError("PUBLISH: " + ("QoS 2 is not spoken" if qos > 1 else "truncated"))
    at = start + 2 + (buffer[start] << 8 | buffer[start + 1])
    payload = at + 2 if qos else at
    if payload > end:
        raise PacketError("PUBLISH: truncated")
    packet_id = 0
    if qos:
        packet_id = buffer[at] << 8 | buffer[at + 1]
        if not packet_id:
            raise PacketError("PUBLISH: packet identifier 0")
    topic = text_of(buffer[start + 2 : at])
    return (PUBLISH, topic, bytes(buffer[payload:end]), qos, packet_id, bool(first & 1), bool(first & 8))


def _packet_of(kind: int, flags: int, body: bytes) -> tuple:
    if kind in _EMPTY:
        if body or flags:
            raise PacketError("packet type " + str(kind) + ": expected no body")
        return (kind,)
    if kind not in _FLAGS or flags != _FLAGS[kind]:
        raise PacketError("packet type " + str(kind) + " with flags " + str(flags) + ": not expected")
    if kind in (CONNECT, SUBSCRIBE, UNSUBSCRIBE):
        from firmware.mqtt_broker_side import packet_of

        return packet_of(kind, body)
    if len(body) < 2:
        raise PacketError("packet type " + str(kind) + ": truncated")
    if kind == CONNACK:
        if len(body) != 2 or body[0] > 1:
            raise PacketError("CONNACK: malformed")
        return (CONNACK, body[0] == 1, body[1])
    packet_id = body[0] << 8 | body[1]
    if kind in (PUBACK, UNSUBACK):
        if len(body) != 2:
            raise PacketError("packet type " + str(kind) + ": malformed")
        return (kind, packet_id)
    return (SUBACK, packet_id, list(body[2:]))


def text_of(octets: bytes) -> str:
    try:
        return str(octets, "utf-8")
    except ValueError:
        raise PacketError("string: not UTF-8") from None
