"""How do QMC5883L, QMC5883P and MMC5603 answer, in a field that somebody else makes? (Registers as in our drivers.)

``field`` gives (x, y, z) in nT at the time of a measurement; the lowest bits are noise, as in every real one.
"""

import random
import struct
from collections.abc import Callable

from hil_tests.instruments.chips.register_map import RegisterMap

Field = Callable[[], tuple[float, float, float]]
_DRDY, _OVL, _DOR = 1, 2, 4
_GAUSS = 100_000  # nT


class _Qmc(RegisterMap):
    """What both QST chips have in common: a status whose flags a measurement sets and reading the data clears."""

    def __init__(
        self, address: int, field: Field, seed: int, places: tuple[int, int], registers: dict[int, int]
    ) -> None:
        super().__init__(address, registers)
        self._field = field
        self._random = random.Random(seed)
        self._data, self._status = places

    def measure(self, steps_per_gauss: int) -> None:
        noisy = [axis * steps_per_gauss / _GAUSS + self._random.choice((-1, 0, 1)) for axis in self._field()]
        raw = [max(-32768, min(32767, round(axis))) for axis in noisy]
        self.put(self._data, struct.pack("<hhh", *raw))
        late = _DOR if self.registers[self._status] & _DRDY else 0
        saturated = _OVL if max(map(abs, raw)) >= 32767 else 0
        self.registers[self._status] = _DRDY | late | saturated

    def will_read(self, register: int) -> None:
        if self._data <= register < self._data + 6:
            self.registers[self._status] &= ~(_DRDY | _DOR)


class Qmc5883l(_Qmc):
    def __init__(self, field: Field, celsius: Callable[[], float], seed: int = 0) -> None:
        super().__init__(0x0D, field, seed, (0x00, 0x06), {0x06: 0, 0x09: 0, 0x0D: 0xFF})
        self._celsius = celsius

    def will_read(self, register: int) -> None:
        control = self.registers[0x09]
        if register == 0x06 and control & 3 == 1:
            self.measure(3000 if control >> 4 & 3 else 12000)
            # relative only: an offset of its own, 100 steps a degree
            self.put(0x07, struct.pack("<h", round((self._celsius() - 50) * 100)))
        super().will_read(register)

    def wrote(self, register: int, octet: int) -> None:
        if register == 0x0A and octet & 0x80:
            self.registers.update({0x06: 0, 0x09: 0})


class Qmc5883p(_Qmc):
    _STEPS = (1000, 2500, 3750, 15000)  # a gauss, at 30, 12, 8 and 2 G

    def __init__(self, field: Field, seed: int = 0) -> None:
        super().__init__(0x2C, field, seed, (0x01, 0x09), {0x00: 0x80, 0x09: 0, 0x0A: 0, 0x0B: 0})

    def will_read(self, register: int) -> None:
        if register == 0x09 and self.registers[0x0A] & 3:
            self.measure(self._STEPS[self.registers[0x0B] >> 2 & 3])
        super().will_read(register)

    def wrote(self, register: int, octet: int) -> None:
        if register == 0x0B and octet & 0x80:
            self.registers.update({0x09: 0, 0x0A: 0, 0x0B: 0})


class Mmc5603(RegisterMap):
    """``offset`` in nT is its own, which only SET and RESET tell from the field."""

    def __init__(self, field: Field, celsius: Callable[[], float], seed: int = 0, offset: float = 0.0) -> None:
        super().__init__(0x30, {0x18: 0x10, 0x39: 0x10})
        self._field = field
        self._celsius = celsius
        self._offset = offset
        self._random = random.Random(seed)
        self._sign = 1

    def wrote(self, register: int, octet: int) -> None:
        if register != 0x1B:
            return
        if octet & 0x18:
            self._sign = 1 if octet & 0x08 else -1
        if octet & 0x01:
            self._measure()
        if octet & 0x02:
            self.registers[0x09] = max(0, min(255, round((self._celsius() + 75) / 0.8)))
            self.registers[0x18] |= 0x80

    def _measure(self) -> None:
        full = []
        for axis in self._field():
            steps = (axis * self._sign + self._offset) * 16384 / _GAUSS + self._random.choice((-3, -1, 0, 2))
            full.append(max(0, min(2**20 - 1, round(steps) + 2**19)))
        self.put(0x00, b"".join(struct.pack(">H", raw >> 4) for raw in full) + bytes((raw & 15) << 4 for raw in full))
        self.registers[0x18] |= 0x40
