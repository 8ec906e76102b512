"""How much dust does a Nova SDS011 see? Frames of ten octets, ``AA C0 … sum AB``.

Nova Fitness, "Laser Dust Sensor Control Protocol V1.3", from memory; a foreign client agrees with it
(hil_tests/test_foreign_air.py). Its laser lives 8000 h, so it sleeps between measurements.
"""

from firmware.drivers import DriverError
from firmware.drivers.framing import FrameFinder

BAUD = 9600
ANSWER_SIZE = 10
WARM_UP_MS = 30000
MEASURE_MS = 30000  # of each period, if nothing else is said
LIFE_H = 8000
_MEASUREMENT, _REPLY = 0xC0, 0xC5
_QUANTITIES = ("pm2_5", "pm10")


def _command(*content: int) -> bytes:
    octets = bytes(content) + bytes(13 - len(content)) + b"\xff\xff"  # FF FF: whichever sensor hears it
    return b"\xaa\xb4" + octets + bytes((sum(octets) & 0xFF, 0xAB))


ON_REQUEST = _command(2, 1, 1)  # reports only when it is asked
READ = _command(4)
SLEEP = _command(6, 1, 0)
WAKE = _command(6, 1, 1)


def finder() -> FrameFinder:
    """Finds measurements and replies with a right sum."""
    return FrameFinder(b"\xaa", _size, _is_frame)


def is_measurement(frame: bytes) -> bool:
    """Whether it is no reply to a setting."""
    return frame[1] == _MEASUREMENT


def concentrations(frame: bytes) -> dict:
    """{quantity: (tenths of ug/m3, -1)}. Raises DriverError: no_answer, bad_length, bad_checksum."""
    if not frame:
        raise DriverError("no_answer")
    if len(frame) != ANSWER_SIZE or frame[1] != _MEASUREMENT:
        raise DriverError("bad_length")
    if not _is_frame(frame):
        raise DriverError("bad_checksum")
    return {name: (frame[at] | frame[at + 1] << 8, -1) for name, at in zip(_QUANTITIES, (2, 4))}


def _size(octets: bytes) -> int:
    if len(octets) < 2:
        return 0
    return ANSWER_SIZE if octets[1] in (_MEASUREMENT, _REPLY) else -1


def _is_frame(frame: bytes) -> bool:
    return frame[0] == 0xAA and frame[9] == 0xAB and sum(frame[2:8]) & 0xFF == frame[8]
