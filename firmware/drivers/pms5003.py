"""How much dust does a Plantower PMS5003 see? Frames ``42 4D``, sixteen big-endian words, a sum.

Plantower's manual, from memory; a foreign client agrees with it (hil_tests/test_foreign_air.py). The words 1 to 3 are
for industrial dust (CF=1); ours are 4 to 6, under atmospheric environment. Clones differ in the last word before the
sum, so it is not interpreted.
"""

from firmware.drivers import DriverError
from firmware.drivers.framing import FrameFinder

BAUD = 9600
WARM_UP_MS = 30000  # at least, after waking up
LIFE_H = 26280  # 3 years
_QUANTITIES = ("pm1", "pm2_5", "pm10")
_HEAD = b"\x42\x4d"


def _command(code: int, argument: int) -> bytes:
    octets = _HEAD + bytes((code, argument >> 8, argument & 0xFF))
    total = sum(octets)
    return octets + bytes((total >> 8, total & 0xFF))


PASSIVE = _command(0xE1, 0)  # answers only when it is asked
ACTIVE = _command(0xE1, 1)
READ = _command(0xE2, 0)
SLEEP = _command(0xE4, 0)
WAKE = _command(0xE4, 1)
ANSWER_SIZE = 32


def finder() -> FrameFinder:
    """Finds measurements and acknowledgements with a right sum."""
    return FrameFinder(_HEAD, _size, _is_frame)


def is_measurement(frame: bytes) -> bool:
    """Whether it is no acknowledgement of a command."""
    return len(frame) == ANSWER_SIZE


def concentrations(frame: bytes) -> dict:
    """{quantity: (ug/m3, 0)}. Raises DriverError: no_answer, bad_length, bad_checksum."""
    if not frame:
        raise DriverError("no_answer")
    if len(frame) != ANSWER_SIZE or _size(frame) != ANSWER_SIZE:
        raise DriverError("bad_length")
    if not _is_frame(frame):
        raise DriverError("bad_checksum")
    return {name: (frame[at] << 8 | frame[at + 1], 0) for name, at in zip(_QUANTITIES, (10, 12, 14))}


def _size(octets: bytes) -> int:
    if len(octets) < 4:
        return 0
    length = octets[2] << 8 | octets[3]
    return length + 4 if length in (4, 28) else -1


def _is_frame(frame: bytes) -> bool:
    return frame[:2] == _HEAD and sum(frame[:-2]) == frame[-2] << 8 | frame[-1]
