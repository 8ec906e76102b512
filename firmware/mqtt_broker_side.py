"""The half of MQTT 3.1.1 that brokers speak: what they send, and what clients send them.

A node never loads it; the test brokers do, and ``mqtt_codec.Decoder`` for a packet that only a broker receives.
"""

import struct

from firmware.mqtt_codec import (
    CONNACK,
    CONNECT,
    SUBACK,
    SUBSCRIBE,
    UNSUBACK,
    UNSUBSCRIBE,
    PacketError,
    packet,
    string,
    text_of,
)


def connack(session_present: bool, code: int) -> bytes:
    return bytes((CONNACK << 4, 2, 1 if session_present else 0, code))


def suback(packet_id: int, codes: list) -> bytes:
    return packet(SUBACK, 0, struct.pack(">H", packet_id) + bytes(codes))


def unsubscribe(packet_id: int, filters: list) -> bytes:
    return packet(UNSUBSCRIBE, 2, struct.pack(">H", packet_id) + b"".join([string(name) for name in filters]))


def unsuback(packet_id: int) -> bytes:
    return struct.pack(">BBH", UNSUBACK << 4, 2, packet_id)


def pingresp() -> bytes:
    return b"\xd0\x00"


def packet_of(kind: int, body: bytes) -> tuple:
    """CONNECT, SUBSCRIBE or UNSUBSCRIBE from its body. Raises PacketError."""
    if kind == CONNECT:
        return _connected(body)
    if len(body) < 2:
        raise PacketError("packet type " + str(kind) + ": truncated")
    packet_id = body[0] << 8 | body[1]
    filters, at = [], 2
    while at < len(body):
        name, at = _string_at(body, at)
        if kind == SUBSCRIBE:
            if at >= len(body) or body[at] > 2:
                raise PacketError("SUBSCRIBE: malformed")
            filters.append((name, body[at]))
            at += 1
        else:
            filters.append(name)
    if not filters:
        raise PacketError("packet type " + str(kind) + ": no topic filter")
    return (kind, packet_id, filters)


def _connected(body: bytes) -> tuple:
    if body[:7] != b"\x00\x04MQTT\x04" or len(body) < 12:
        raise PacketError("CONNECT: not MQTT 3.1.1")
    flags = body[7]
    if flags & 1 or flags >> 3 & 3 == 3 or (not flags & 4 and flags & 0x38):
        raise PacketError("CONNECT: malformed flags")
    client_id, at = _string_at(body, 10)
    will = username = password = None
    if flags & 4:
        topic, at = _string_at(body, at)
        payload, at = _binary_at(body, at)
        will = (topic, payload, flags >> 3 & 3, bool(flags & 0x20))
    if flags & 0x80:
        username, at = _string_at(body, at)
    if flags & 0x40:
        password, at = _binary_at(body, at)
    if at != len(body):
        raise PacketError("CONNECT: bytes left over")
    return (CONNECT, client_id, body[8] << 8 | body[9], bool(flags & 2), will, username, password)


def _binary_at(body: bytes, at: int) -> tuple:
    if at + 2 > len(body):
        raise PacketError("string: truncated")
    end = at + 2 + (body[at] << 8 | body[at + 1])
    if end > len(body):
        raise PacketError("string: truncated")
    return body[at + 2 : end], end


def _string_at(body: bytes, at: int) -> tuple:
    octets, end = _binary_at(body, at)
    return text_of(octets), end
