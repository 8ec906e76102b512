"""What does an SPS30 answer on a serial line? SHDLC, as the maker's own client speaks it."""

from collections.abc import Callable

from hil_tests.instruments.chips.sensirion import Dust, Seconds
from hil_tests.instruments.chips.wire import Wire

_SPECIAL = (0x7D, 0x7E, 0x11, 0x13)  # the escape first: what it makes is not escaped again
_NOT_NOW, _UNKNOWN = 0x43, 0x02
_SERIAL_NUMBER = b"ABCD0123456789\x00"


def escaped(content: bytes) -> bytes:
    for octet in _SPECIAL:
        content = content.replace(bytes([octet]), bytes([0x7D, octet ^ 0x20]))
    return content


def unescaped(content: bytes) -> bytes:
    for octet in reversed(_SPECIAL):
        content = content.replace(bytes([0x7D, octet ^ 0x20]), bytes([octet]))
    return content


class Sps30:
    """``heard`` takes what comes on the wire and returns what goes back."""

    def __init__(
        self, dust: Callable[[], tuple[float, float, float, float]], seconds: Seconds, wire: Wire, settle: float = 0.0
    ) -> None:
        self.air = Dust(dust, seconds, settle)
        self._wire = wire
        self._kept = b""

    def heard(self, octets: bytes) -> bytes:
        self._kept += octets
        *frames, self._kept = self._kept.split(b"\x7e")
        return b"".join(self._answer(unescaped(frame)) for frame in frames if frame)

    def _answer(self, content: bytes) -> bytes:
        if len(content) < 4 or sum(content) & 0xFF != 0xFF or content[2] != len(content) - 4:
            return b""
        state, data, values = self._obey(content[1], content[3:-1])
        answer = bytes([0, content[1], state, len(data)]) + data
        framed = b"\x7e" + escaped(answer + bytes([~sum(answer) & 0xFF])) + b"\x7e"
        return self._wire.answer(framed, values)

    def _obey(self, command: int, data: bytes) -> tuple[int, bytes, dict[str, object]]:
        """State, data and what they say."""
        if command == 0x00 and data == b"\x01\x03":
            return self._only_if(not self.air.is_on, self.air.start)
        if command == 0x01:
            return self._only_if(self.air.is_on, self.air.stop)
        if command == 0x56:
            return self._only_if(self.air.is_on, self.air.clean)
        if command == 0x03 and self.air.is_on:
            return 0, *(self.air.measurement() if self.air.is_new() else (b"", {}))
        if command == 0xD0:
            return 0, _SERIAL_NUMBER, {}
        return (_NOT_NOW if command == 0x03 else _UNKNOWN), b"", {}

    @staticmethod
    def _only_if(allowed: bool, act: Callable[[], None]) -> tuple[int, bytes, dict[str, object]]:
        if allowed:
            act()
        return (0 if allowed else _NOT_NOW), b"", {}
