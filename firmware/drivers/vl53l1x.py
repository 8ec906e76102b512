"""What distance does a VL53L1X time-of-flight sensor measure, and may it be believed?

The distance means nothing without its range status. Registers, their defaults and the meaning of the status are those
of ST's VL53L1X Ultra Lite Driver (BSD-3-Clause), read in Adafruit's port (MIT) for the defaults and from memory else.
"""

import struct

from firmware.drivers import DriverError

ADDRESS = 0x29
IDENTITY, IDENTITY_SIZE = b"\x01\x0f", 2
BOOTED = b"\x00\xe5"
READY = b"\x00\x31"  # bit 0, active high with DEFAULTS
RESULT, RESULT_SIZE = b"\x00\x89", 17
CLEAR, START, STOP = b"\x00\x86\x01", b"\x00\x87\x40", b"\x00\x87\x00"
MEASURE_MS = 100  # with the timing of DEFAULTS
# Registers 0x2D to 0x87: long distance, stopped
DEFAULTS = (
    b"\x00\x2d"
    b"\x00\x00\x00\x01\x02\x00\x02\x08\x00\x08\x10\x01\x01\x00\x00\x00\x00\xff\x00\x0f\x00\x00\x00"
    b"\x00\x00\x20\x0b\x00\x00\x02\x0a\x21\x00\x00\x05\x00\x00\x00\x00\xc8\x00\x00\x38\xff\x01\x00"
    b"\x08\x00\x00\x01\xcc\x0f\x01\xf1\x0d\x01\x68\x00\x80\x08\xb8\x00\x00\x00\x00\x0f\x89\x00\x00"
    b"\x00\x00\x00\x00\x00\x01\x0f\x0d\x0e\x0e\x00\x00\x02\xc7\xff\x9b\x00\x00\x00\x01\x00\x00"
)
AFTER_FIRST = (b"\x00\x08\x09", b"\x00\x0b\x00")  # one reference search is enough: start later ones from its result
_CHIP = b"\xea\xcc"
_VALID = 9
_FAULTS = {  # what the chip itself calls them, by its own numbers
    1: "hardware",
    2: "hardware",
    3: "hardware",
    4: "signal_fail",  # nothing there, sunlight, or dirt on the window
    5: "out_of_bounds",
    6: "sigma_fail",
    7: "wraparound",
    8: "min_range",
    12: "out_of_bounds",
    13: "hardware",
}


class Range:
    """``stream`` counts measurements 0 to 255 and must move; rates in 1/128 million counts a second."""

    def __init__(self, distance_mm: int, stream: int, signal: int, ambient: int, sigma_mm: int) -> None:
        self.distance_mm = distance_mm
        self.stream = stream
        self.signal = signal
        self.ambient = ambient
        self.sigma_mm = sigma_mm


def is_chip(identity: bytes | None) -> bool:
    return identity == _CHIP


def measured(result: bytes | None) -> Range:
    """The RESULT block as a distance. Raises DriverError: a distance without a valid status is none."""
    if not result or len(result) != RESULT_SIZE:
        raise DriverError("no_answer")
    if result in (b"\xff" * RESULT_SIZE, b"\x00" * RESULT_SIZE):
        raise DriverError("dead_bus")
    status, _report, stream, _spads, signal, ambient, sigma, _phase, distance = struct.unpack(">BBBHHHHHH", result[:15])
    status &= 0x1F
    if status != _VALID:
        raise DriverError(_FAULTS.get(status, "bad_status"))
    if not distance:
        raise DriverError("min_range")
    return Range(distance, stream, signal, ambient, sigma // 4)
