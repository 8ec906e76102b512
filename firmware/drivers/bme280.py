"""What do a Bosch BME280's numbers mean? Raw conversions and the factory's trim, in whole numbers.

Bosch's datasheet BST-BME280-DS002, from memory; a foreign client agrees with it (hil_tests/test_foreign_air.py). It has
no checksum: a bit that falls on the bus is found by plausibility alone. Many a module sold as BME280 carries a BMP280,
which has no humidity.
"""

import struct

from firmware.drivers import DriverError

ADDRESSES = (0x76, 0x77)
ID = b"\xd0"
IDS = {0x60: True, 0x58: False}  # id: whether it measures humidity (BME280, BMP280)
TRIM, TRIM_SIZE = b"\x88", 26
TRIM_HUMIDITY, TRIM_HUMIDITY_SIZE = b"\xe1", 7
# Weather monitoring: forced mode, every quantity once, no filter. Humidity's setting goes first.
MEASURE = (b"\xf2\x01", b"\xf4\x25")
PAUSE_MS = 10  # 9.3 ms at most
STATUS = b"\xf3"
RAW, RAW_SIZE = b"\xf7", 8
_MEASURING = 0x08
_SKIPPED, _SKIPPED_HUMIDITY = 0x80000, 0x8000


def has_humidity(octets: bytes | None) -> bool:
    """Whether the chip with that id measures humidity. Raises DriverError: no_answer, wrong_chip."""
    if not octets:
        raise DriverError("no_answer")
    if octets[0] not in IDS:
        raise DriverError("wrong_chip")
    return IDS[octets[0]]


def is_measuring(octets: bytes | None) -> bool:
    """Raises DriverError."""
    if not octets:
        raise DriverError("no_answer")
    return bool(octets[0] & _MEASURING)


def trim(octets: bytes | None, humidity: bytes | None) -> tuple:
    """The factory's coefficients T1 to T3, P1 to P9, H1 to H6. Raises DriverError."""
    if octets is None or humidity is None:
        raise DriverError("no_answer")
    if len(octets) != TRIM_SIZE or len(humidity) != TRIM_HUMIDITY_SIZE:
        raise DriverError("bad_length")
    t1, t2, t3, p1, *p = struct.unpack("<HhhH8h", octets[:24])
    if not 0 < t1 < 0xFFFF or not 0 < p1 < 0xFFFF:  # a dead bus reads as nothing but zeros or ones
        raise DriverError("bad_trim")
    h2, h3, e4, e5, e6, h6 = struct.unpack("<hBbBbb", humidity)
    return (t1, t2, t3), (p1,) + tuple(p), (octets[25], h2, h3, e4 << 4 | e5 & 0x0F, e6 << 4 | e5 >> 4, h6)


def measurement(coefficients: tuple, octets: bytes | None, humid: bool) -> dict:
    """{quantity: (integer, exponent)}: temperature, air_pressure and, of a BME280, relative_humidity."""
    if octets is None:
        raise DriverError("no_answer")
    if len(octets) != RAW_SIZE:
        raise DriverError("bad_length")
    raw_pressure = octets[0] << 12 | octets[1] << 4 | octets[2] >> 4
    raw_temperature = octets[3] << 12 | octets[4] << 4 | octets[5] >> 4
    raw_humidity = octets[6] << 8 | octets[7]
    if _SKIPPED in (raw_pressure, raw_temperature) or (humid and raw_humidity == _SKIPPED_HUMIDITY):
        raise DriverError("not_ready")
    fine = _fine_temperature(coefficients[0], raw_temperature)
    values = {
        "temperature": ((fine * 5 + 128) >> 8, -2),
        "air_pressure": ((_pressure(coefficients[1], fine, raw_pressure) * 10 + 128) >> 8, -3),
    }
    if humid:
        values["relative_humidity"] = ((_humidity(coefficients[2], fine, raw_humidity) * 25 + 128) >> 8, -2)
    return values


def _fine_temperature(t: tuple, raw: int) -> int:
    """5120ths of a degree."""
    first = ((raw >> 3) - (t[0] << 1)) * t[1] >> 11
    offset = (raw >> 4) - t[0]
    return first + ((offset * offset >> 12) * t[2] >> 14)


def _pressure(p: tuple, fine: int, raw: int) -> int:
    """256ths of a pascal: the datasheet's form for 64 bits."""
    first = fine - 128000
    second = first * first * p[5] + (first * p[4] << 17) + (p[3] << 35)
    first = (first * first * p[2] >> 8) + (first * p[1] << 12)
    first = ((1 << 47) + first) * p[0] >> 33
    if first <= 0:
        raise DriverError("bad_value")
    pressure = (((1048576 - raw) << 31) - second) * 3125 // first
    first = p[8] * (pressure >> 13) * (pressure >> 13) >> 25
    second = p[7] * pressure >> 19
    return ((pressure + first + second) >> 8) + (p[6] << 4)


def _humidity(h: tuple, fine: int, raw: int) -> int:
    """1024ths of a percent."""
    offset = fine - 76800
    share = ((raw << 14) - (h[3] << 20) - h[4] * offset + 16384) >> 15
    slope = ((offset * h[5] >> 10) * ((offset * h[2] >> 11) + 32768) >> 10) + 2097152
    share *= (slope * h[1] + 8192) >> 14
    share -= ((share >> 15) * (share >> 15) >> 7) * h[0] >> 4
    return min(max(share, 0), 419430400) >> 12
