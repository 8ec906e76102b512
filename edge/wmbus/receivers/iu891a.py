"""IMST iU891A: SLIP frames (RFC 1055) of endpoint, message, payload and CRC."""

from edge.wmbus.receivers import Received, ccitt

_END, _ESCAPE = b"\xc0", b"\xdb"
_GATEWAY, _RECEIVED = 0x09, 0x20
_HEAD = 8  # of the payload: time (4), status (3), signal strength in dBm (signed)
_LONGEST = 1024


class Stream:
    def __init__(self) -> None:
        self.dropped = 0
        self._rest = b""

    def feed(self, octets: bytes) -> list[Received]:
        *frames, self._rest = (self._rest + octets).split(_END)
        if len(self._rest) > _LONGEST:  # no end in sight: not SLIP
            self.dropped += len(self._rest)
            self._rest = b""
        return [heard for frame in frames if frame and (heard := self._heard(frame))]

    def _heard(self, frame: bytes) -> Received | None:
        message = frame.replace(b"\xdb\xdc", _END).replace(b"\xdb\xdd", _ESCAPE)
        if len(message) < 4 or ccitt(message[:-2]) != message[-2:]:
            self.dropped += len(frame)
            return None
        if (message[0], message[1]) != (_GATEWAY, _RECEIVED) or len(message) <= 4 + _HEAD:
            return None  # an answer to a command
        payload = message[2:-2]
        return Received(payload[_HEAD:], int.from_bytes(payload[_HEAD - 1 : _HEAD], "big", signed=True))


def encode(octets: bytes, dbm: int = -70) -> bytes:
    """As the dongle hands on a link frame; for the virtual radio."""
    message = bytes((_GATEWAY, _RECEIVED)) + bytes(7) + dbm.to_bytes(1, "big", signed=True) + octets
    message += ccitt(message)
    return _END + message.replace(_ESCAPE, b"\xdb\xdd").replace(_END, b"\xdb\xdc") + _END
