"""What does a Bosch BME280 measure? Raw numbers that its own trim turns back into the climate that there is.

The trim is that of Bosch's worked example for the BMP280, with plausible numbers for humidity. The raw numbers are
found with the datasheet's formula in floats, turned around by bisection.
"""

import struct
from collections.abc import Callable

from hil_tests.instruments.chips.register_map import RegisterMap
from hil_tests.instruments.chips.wire import Gave

_T = (27504, 26435, -1000)
_P = (36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000)
_H = (75, 362, 0, 315, 50, 30)


def _fine(raw: float) -> float:
    first = (raw / 16384 - _T[0] / 1024) * _T[1]
    offset = raw / 131072 - _T[0] / 8192
    return first + offset * offset * _T[2]


def _pascal(raw: float, fine: float) -> float:
    first = fine / 2 - 64000
    second = first * first * _P[5] / 32768 + first * _P[4] * 2
    second = second / 4 + _P[3] * 65536
    first = (1 + (_P[2] * first * first / 524288 + _P[1] * first) / 524288 / 32768) * _P[0]
    pressure = (1048576 - raw - second / 4096) * 6250 / first
    return pressure + (_P[8] * pressure * pressure / 2147483648 + pressure * _P[7] / 32768 + _P[6]) / 16


def _percent(raw: float, fine: float) -> float:
    offset = fine - 76800
    wet = raw - (_H[3] * 64 + _H[4] / 16384 * offset)
    wet *= _H[1] / 65536 * (1 + _H[5] / 67108864 * offset * (1 + _H[2] / 67108864 * offset))
    return wet * (1 - _H[0] * wet / 524288)


def _found(wanted: float, formula: Callable[[float], float], highest: int) -> int:
    """The raw number for which the formula, rising or falling, gives what is wanted."""
    low, high = 0.0, float(highest)
    rises = formula(high) > formula(low)
    for _ in range(40):
        middle = (low + high) / 2
        if (formula(middle) < wanted) == rises:
            low = middle
        else:
            high = middle
    return round(low)


class Bme280(RegisterMap):
    """``climate`` gives degrees, percent and hPa; ``identity`` 0x58 makes it the BMP280 that was sold as one."""

    def __init__(
        self, climate: Callable[[], tuple[float, float, float]], gave: Gave, identity: int = 0x60, address: int = 0x76
    ) -> None:
        super().__init__(address, {0xD0: identity, 0xF3: 0})
        self._climate = climate
        self._gave = gave
        self._is_humid = identity == 0x60
        self.put(0x88, struct.pack("<HhhH8hBB", *_T, *_P, 0, _H[0]))
        if self._is_humid:
            mixed = _H[3] & 0x0F | (_H[4] & 0x0F) << 4
            self.put(0xE1, struct.pack("<hBbBbb", _H[1], _H[2], _H[3] >> 4, mixed, _H[4] >> 4, _H[5]))
        self.put(0xF7, b"\x80\x00\x00\x80\x00\x00\x80\x00")  # nothing was measured yet

    def wrote(self, register: int, octet: int) -> None:
        if register == 0xF4 and octet & 3:
            self._measure()

    def _measure(self) -> None:
        temperature, humidity, hectopascal = self._climate()
        raw_t = _found(temperature, lambda raw: _fine(raw) / 5120, 2**20)
        fine = _fine(raw_t)
        raw_p = _found(hectopascal * 100, lambda raw: _pascal(raw, fine), 2**20)
        raw_h = _found(humidity, lambda raw: _percent(raw, fine), 2**16) if self._is_humid else 0x8000
        self.put(0xF7, (raw_p << 4).to_bytes(3) + (raw_t << 4).to_bytes(3) + raw_h.to_bytes(2))
        given: dict[str, object] = {"temperature": round(temperature, 2), "air_pressure": round(hectopascal, 2)}
        if self._is_humid:
            given["relative_humidity"] = round(humidity, 2)
        self._gave(given)
