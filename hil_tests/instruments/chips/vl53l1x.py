"""How does a VL53L1X answer, above something whose distance somebody else knows? (Registers as in our driver.)"""

import struct
from collections.abc import Callable

from hil_tests.instruments.chips.register_map import RegisterMap

_VALID, _NO_SIGNAL = 9, 4


class Vl53l1x(RegisterMap):
    """``distance`` gives mm, or None where nothing comes back. Nothing is measured before the defaults are written."""

    def __init__(self, distance: Callable[[], int | None]) -> None:
        super().__init__(0x29, {0x00E5: 1, 0x0031: 0}, pointer_size=2)
        self.put(0x010F, b"\xea\xcc\x10")
        self._distance = distance
        self._stream = 0

    def wrote(self, register: int, octet: int) -> None:
        if register == 0x0087 and octet == 0x40 and self.registers.get(0x002D + 1) is not None:
            self._measure()
        elif register == 0x0086 and octet & 1:
            self._ready(is_ready=False)

    def _measure(self) -> None:
        distance = self._distance()
        self._stream = self._stream % 255 + 1
        status, millimetres = (_NO_SIGNAL, 0) if distance is None else (_VALID, distance)
        rates = struct.pack(">HHHHHHH", 16 << 8, 0x0580, 0x0040, 8 << 2, 0x0999, millimetres, 0)
        self.put(0x0089, bytes((status, 0, self._stream)) + rates)
        self._ready(is_ready=True)

    def _ready(self, *, is_ready: bool) -> None:
        """Bit 0 of the pin's state: high or low when ready, as bit 4 of 0x30 says."""
        is_low = self.registers.get(0x0030, 1) >> 4 & 1
        self.registers[0x0031] = int(is_ready) ^ is_low
