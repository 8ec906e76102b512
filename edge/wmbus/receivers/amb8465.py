"""Wuerth (Amber) AMB8465 and AMB3665: command frames FF …, or telegrams from their L field on, one after the other."""

from functools import reduce
from operator import xor

from edge.wmbus.receivers import Received

_COMMAND, _DATA, _ANSWER = 0xFF, 0x03, 0x80
_SHORTEST = 11  # L, C, M, A and a CI field
_C_FIELDS = (0x44, 0x46, 0x47, 0x48, 0x08)  # what meters send


class Stream:
    """A transparent telegram has no mark and no check: its C field and the letters of its maker must make sense."""

    def __init__(self) -> None:
        self.dropped = 0
        self._rest = b""

    def feed(self, octets: bytes) -> list[Received]:
        self._rest += octets
        heard: list[Received] = []
        while self._rest:
            found = self._command() if self._rest[0] == _COMMAND else self._telegram()
            if found is None:
                break
            size, frame = found
            if size:
                self._rest = self._rest[size:]
            else:
                self.dropped += 1
                self._rest = self._rest[1:]
            if frame:
                heard.append(Received(frame))
        return heard

    def _command(self) -> tuple[int, bytes] | None:
        """(bytes used, telegram in them); (0, …) when this is none, None when more must come."""
        if len(self._rest) < 3:
            return None
        if self._rest[1] != _DATA and not self._rest[1] & _ANSWER:
            return 0, b""
        size = 3 + self._rest[2] + 1
        if len(self._rest) < size:
            return None
        if reduce(xor, self._rest[: size - 1]) != self._rest[size - 1]:
            return 0, b""
        payload = self._rest[3 : size - 1]
        is_telegram = self._rest[1] == _DATA and len(payload) > payload[0]
        return size, payload[: payload[0] + 1] if is_telegram else b""

    def _telegram(self) -> tuple[int, bytes] | None:
        length = self._rest[0]
        if length + 1 < _SHORTEST or (len(self._rest) > 1 and self._rest[1] not in _C_FIELDS):
            return 0, b""
        if len(self._rest) >= 4 and not _is_maker(int.from_bytes(self._rest[2:4], "little")):
            return 0, b""
        if len(self._rest) < length + 1:
            return None
        return length + 1, self._rest[: length + 1]


def _is_maker(code: int) -> bool:
    return not code & 0x8000 and all(1 <= code >> shift & 0x1F <= 26 for shift in (10, 5, 0))


def encode(octets: bytes) -> bytes:
    """As the dongle hands on a link frame in a command frame; for the virtual radio."""
    message = bytes((_COMMAND, _DATA, len(octets))) + octets
    return message + bytes((reduce(xor, message),))
