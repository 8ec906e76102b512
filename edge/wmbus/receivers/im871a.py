"""IMST iM871A and iM170A: HCI messages, A5, endpoint, message, length, payload, and what the flags add."""

from edge.wmbus.receivers import Received, ccitt

_START = 0xA5
_RADIO_LINK, _RECEIVED = 0x02, 0x03
_RESERVED, _TIMESTAMP, _RSSI, _CRC = 0x10, 0x20, 0x40, 0x80


class Stream:
    """The payload of a received telegram begins with the C field: its length is the L field."""

    def __init__(self) -> None:
        self.dropped = 0
        self._rest = b""

    def feed(self, octets: bytes) -> list[Received]:
        self._rest += octets
        heard: list[Received] = []
        while True:
            start = self._rest.find(bytes((_START,)))
            self._drop(len(self._rest) if start < 0 else start)
            if len(self._rest) < 4:
                return heard
            control, message, length = self._rest[1], self._rest[2], self._rest[3]
            end = 4 + length + 4 * bool(control & _TIMESTAMP) + bool(control & _RSSI)
            size = end + 2 * bool(control & _CRC)
            if control & _RESERVED or not 1 <= control & 0x0F <= 4:
                self._drop(1)
            elif len(self._rest) < size:
                return heard
            elif control & _CRC and ccitt(self._rest[1:end]) != self._rest[end:size]:
                self._drop(1)
            else:
                if (control & 0x0F, message) == (_RADIO_LINK, _RECEIVED) and length:
                    heard.append(Received(self._rest[3 : 4 + length]))
                self._rest = self._rest[size:]

    def _drop(self, count: int) -> None:
        self.dropped += count
        self._rest = self._rest[count:]


def encode(octets: bytes) -> bytes:
    """As the dongle hands on a link frame (L field first, no CRCs), with its own CRC; for the virtual radio."""
    message = bytes((_CRC | _RADIO_LINK, _RECEIVED, len(octets) - 1)) + octets[1:]
    return bytes((_START,)) + message + ccitt(message)
