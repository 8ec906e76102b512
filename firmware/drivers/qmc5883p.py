"""What field does a QMC5883P magnetometer measure? It is sold as QMC5883L, at another address with other registers.

Registers and sensitivity as in QST's datasheet, compared with Adafruit's driver (MIT).
"""

import struct

from firmware.drivers import DriverError

ADDRESS = 0x2C
IDENTITY, STATUS, DATA = b"\x00", b"\x09", b"\x01"
DATA_SIZE = 6
RESET = b"\x0b\x80"
AXES = b"\x29\x06"  # the signs of the axes, as the datasheet's example sets them
RANGE = b"\x0b\x08"  # +-8 G, set and reset on
MEASURE = b"\x0a\x01"  # normal mode, 10 Hz, oversampling 8: standby again after one measurement
STANDBY = b"\x0a\x00"
SETTLE_MS = 110  # one measurement at 10 Hz
_DRDY, _OVFL = 1, 2
_CHIP = b"\x80"


def is_chip(identity: bytes | None) -> bool:
    return identity == _CHIP


def is_ready(status: bytes | None) -> bool:
    """Whether the data registers hold a new measurement; raises DriverError for a dead bus or a saturated axis."""
    if not status:
        raise DriverError("no_answer")
    if status[0] == 0xFF:
        raise DriverError("dead_bus")
    if status[0] & _OVFL:
        raise DriverError("overflow")
    return bool(status[0] & _DRDY)


def field_nt(data: bytes | None) -> tuple:
    """(x, y, z) in nT: 3750 steps are 1 G at +-8 G. Raises DriverError."""
    if data is None or len(data) != DATA_SIZE:
        raise DriverError("no_answer")
    if data == b"\xff\xff\xff\xff\xff\xff":
        raise DriverError("dead_bus")
    return tuple([(raw * 160 + 3) // 6 for raw in struct.unpack("<hhh", data)])
