"""What field does an MMC5603 magnetometer measure? 20 bits an axis, twice: after SET and after RESET.

A pulse through its coil turns the sign of what it senses, but not of its own offset: half the difference is the field
without the offset, half the sum the offset. (MEMSIC's datasheet, from memory; registers compared with Adafruit's
driver, MIT, which does not use the difference and takes 16000 counts for a gauss.)
"""

from firmware.drivers import DriverError

ADDRESS = 0x30
IDENTITY, STATUS, DATA, TEMPERATURE = b"\x39", b"\x18", b"\x00", b"\x09"
DATA_SIZE = 9
RESET_CHIP = b"\x1c\x80"
SET, RESET = b"\x1b\x08", b"\x1b\x10"
MEASURE, MEASURE_TEMPERATURE = b"\x1b\x01", b"\x1b\x02"
COIL_MS = 1
SETTLE_MS = 10  # a measurement takes 6.6 ms in the slowest bandwidth
FIELD_DONE, TEMPERATURE_DONE = 0x40, 0x80
_CHIP = b"\x10"
_CENTRE = 1 << 19
_FULL = (1 << 20) - 1


def is_chip(identity: bytes | None) -> bool:
    return identity == _CHIP


def is_ready(status: bytes | None, done: int) -> bool:
    """Whether the bit ``done`` of the status is set; raises DriverError for a dead bus."""
    if not status:
        raise DriverError("no_answer")
    if status[0] == 0xFF:
        raise DriverError("dead_bus")
    return bool(status[0] & done)


def counts(data: bytes | None) -> tuple:
    """(x, y, z) as signed counts, 16384 to a gauss. Raises DriverError, also for an axis at either end."""
    if data is None or len(data) != DATA_SIZE:
        raise DriverError("no_answer")
    axes = []
    for axis in range(3):
        raw = data[2 * axis] << 12 | data[2 * axis + 1] << 4 | data[6 + axis] >> 4
        if raw in (0, _FULL):
            raise DriverError("overflow")
        axes.append(raw - _CENTRE)
    return tuple(axes)


def field_nt(after_set: tuple, after_reset: tuple) -> tuple:
    """(x, y, z) in nT without the chip's offset, from the counts after SET and after RESET."""
    return tuple([((plus - minus) * 3125 + 512) // 1024 for plus, minus in zip(after_set, after_reset)])


def temperature_c(data: bytes | None) -> int | None:
    """Degrees Celsius, from 0.8 degrees a step above -75."""
    return None if not data else (data[0] * 8 - 750) // 10
