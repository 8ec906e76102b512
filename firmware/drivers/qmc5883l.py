"""What field does a QMC5883L magnetometer measure? (Registers as in QST's datasheet 1.0, from memory.)

Its identity register reads 0xFF, as a dead bus does: what proves the chip is a register that keeps what is written.
"""

import struct

from firmware.drivers import DriverError

ADDRESS = 0x0D
RESET = b"\x0a\x80"
SET_RESET_PERIOD = b"\x0b\x01"  # the datasheet's recommendation
CONTROL = 0x09
MEASURE = b"\x09\x19"  # continuous, 100 Hz, +-8 G, 512 samples: standby again after one measurement
STANDBY = b"\x09\x18"
SETTLE_MS = 20  # two measurements at 100 Hz: the first may have begun before the settings took
IDENTITY, STATUS, DATA, TEMPERATURE = b"\x0d", b"\x06", b"\x00", b"\x07"
DATA_SIZE = 6
_DRDY, _OVL = 1, 2


def is_chip(identity: bytes | None, kept: bytes | None) -> bool:
    """``identity``: what register 0x0D reads; ``kept``: what 0x09 reads after STANDBY was written."""
    return identity == b"\xff" and kept == STANDBY[1:]


def is_ready(status: bytes | None) -> bool:
    """Whether the data registers hold a new measurement; raises DriverError for a dead bus or a saturated axis."""
    if not status:
        raise DriverError("no_answer")
    if status[0] & 0xF8:  # bits that are always 0
        raise DriverError("dead_bus")
    if status[0] & _OVL:
        raise DriverError("overflow")
    return bool(status[0] & _DRDY)


def field_nt(data: bytes | None) -> tuple:
    """(x, y, z) in nT: 3000 steps are 1 G at +-8 G. Raises DriverError."""
    if data is None or len(data) != DATA_SIZE:
        raise DriverError("no_answer")
    if data == b"\xff\xff\xff\xff\xff\xff":
        raise DriverError("dead_bus")
    return tuple([(raw * 200 + 3) // 6 for raw in struct.unpack("<hhh", data)])


def temperature_c(data: bytes | None) -> int | None:
    """Degrees from an unknown zero (the chip's is not calibrated): good for differences. 100 steps are 1 degree."""
    if data is None or len(data) != 2:
        return None
    return struct.unpack("<h", data)[0] // 100
