"""What does a Plantower PMS5003 send? A frame each second, or one for each question once it was made passive."""

import struct
from collections.abc import Callable

from hil_tests.instruments.chips.wire import Wire

_HEAD = b"\x42\x4d"


def summed(octets: bytes) -> bytes:
    return octets + sum(octets).to_bytes(2)


class Pms5003:
    """``dust`` gives PM1, PM2.5 and PM10; ``settle`` seconds after waking up it is nonsense."""

    def __init__(
        self,
        dust: Callable[[], tuple[float, float, float]],
        seconds: Callable[[], float],
        wire: Wire,
        settle: float = 0.0,
    ) -> None:
        self._dust = dust
        self._seconds = seconds
        self._wire = wire
        self._settle = settle
        self._woke: float | None = seconds()
        self._counts = 0
        self._kept = b""
        self.is_passive = False

    def heard(self, octets: bytes) -> bytes:
        """Seven octets a command."""
        self._kept += octets
        answers = b""
        while len(self._kept) >= 7:
            command, self._kept = self._kept[:7], self._kept[7:]
            if command[:2] == _HEAD and summed(command[:5]) == command:
                answers += self._obey(command[2], command[4])
        return answers

    def _obey(self, command: int, argument: int) -> bytes:
        if command == 0xE2:
            return self.frame()
        if command == 0xE1:
            self.is_passive = argument == 0
        if command == 0xE4:
            self._woke = self._seconds() if argument and self._woke is None else self._woke if argument else None
            if argument:
                return b""  # one that wakes up says nothing
        return summed(_HEAD + bytes([0, 4, command, argument]))

    def frame(self) -> bytes:
        """A measurement, if it is awake."""
        if self._woke is None:
            return b""
        settled = self._seconds() - self._woke >= self._settle
        masses = [round(one) for one in self._dust()] if settled else [1500, 1600, 1800]
        self._counts += 1
        industrial = [one + one // 2 for one in masses]
        counts = [900 + self._counts % 97, 270, 60, 10, 2, 1]
        octets = summed(_HEAD + struct.pack(">14H", 28, *industrial, *masses, *counts, 0x9700))
        values = dict(zip(("pm1", "pm2_5", "pm10"), masses, strict=True))
        return self._wire.answer(octets, values if settled else {})
