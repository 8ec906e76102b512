"""What does a Nova SDS011 send? Ten octets for each command of nineteen, and by itself each second if it is let."""

from collections.abc import Callable

from hil_tests.instruments.chips.wire import Wire

_ID = b"\xa1\x60"


class Sds011:
    """``dust`` gives PM2.5 and PM10; ``settle`` seconds after waking up it is nonsense."""

    def __init__(
        self, dust: Callable[[], tuple[float, float]], seconds: Callable[[], float], wire: Wire, settle: float = 0.0
    ) -> None:
        self._dust = dust
        self._seconds = seconds
        self._wire = wire
        self._settle = settle
        self._woke: float | None = seconds()
        self._kept = b""
        self.awake_s = 0.0

    def heard(self, octets: bytes) -> bytes:
        self._kept += octets
        answers = b""
        while len(self._kept) >= 19:
            command, self._kept = self._kept[:19], self._kept[19:]
            if command[:2] == b"\xaa\xb4" and command[18] == 0xAB and sum(command[2:17]) & 0xFF == command[17]:
                answers += self._obey(command[2:5])
        return answers

    def _obey(self, command: bytes) -> bytes:
        if command[0] == 6 and command[1]:
            if not command[2] and self._woke is not None:
                self.awake_s += self._seconds() - self._woke
            self._woke = None if not command[2] else self._seconds() if self._woke is None else self._woke
        elif self._woke is None:
            return b""  # it hears nothing else in its sleep
        if command[0] == 4:
            return self._measurement()
        return _framed(0xC5, bytes([*command, 0]))

    def _measurement(self) -> bytes:
        settled = self._woke is not None and self._seconds() - self._woke >= self._settle
        tenths = [round(one * 10) for one in self._dust()] if settled else [9000, 9500]
        values = {"pm2_5": tenths[0] / 10, "pm10": tenths[1] / 10} if settled else {}
        return self._wire.answer(
            _framed(0xC0, tenths[0].to_bytes(2, "little") + tenths[1].to_bytes(2, "little")), values
        )


def _framed(kind: int, data: bytes) -> bytes:
    body = data + _ID
    return bytes([0xAA, kind]) + body + bytes([sum(body) & 0xFF, 0xAB])
