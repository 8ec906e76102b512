"""What does an HLK-LD2410 radar see? Its reports come by themselves, ten a second, and carry no checksum.

So a report must be right in everything that can be checked: head, length, inner head and tail, tail, and the range of
each number. Layout as in Hi-Link's serial protocol V1.02, compared with aio-ld2410 (MIT).
"""

import struct

from firmware.drivers import DriverError

BAUD = 256000
HEAD, TAIL = b"\xf4\xf3\xf2\xf1", b"\xf8\xf7\xf6\xf5"
SMALLEST, LARGEST = 23, 64  # of a whole frame: a basic report; an engineering report has 45
MOVING, STATIC = 1, 2  # bits of the target state
ENGINEERING_MODE = (  # to be sent in this order, each answered
    b"\xfd\xfc\xfb\xfa\x04\x00\xff\x00\x01\x00\x04\x03\x02\x01",  # commands on
    b"\xfd\xfc\xfb\xfa\x02\x00\x62\x00\x04\x03\x02\x01",
    b"\xfd\xfc\xfb\xfa\x02\x00\xfe\x00\x04\x03\x02\x01",  # commands off: reports go on
)
_ENGINEERING, _BASIC = 1, 2
_FARTHEST_CM = 675  # nine gates of 75 cm
_GATES = 9
_BASIC_BODY = 13


class Report:
    """``state``: bits of MOVING and STATIC; distances in cm, energies in %, per gate only in engineering mode."""

    def __init__(self, target: tuple, moving_gates: bytes, static_gates: bytes) -> None:
        self.state, self.moving_cm, self.moving_energy, self.static_cm, self.static_energy, self.detection_cm = target
        self.moving_gates, self.static_gates = moving_gates, static_gates


def size_of(octets: bytes) -> int:
    """For framing: the size of the frame that begins here; 0: more bytes are needed; -1: none begins here."""
    if len(octets) < 6:
        return 0
    size = 10 + (octets[4] | octets[5] << 8)
    return size if SMALLEST <= size <= LARGEST else -1


def is_frame(frame: bytes) -> bool:
    """For framing: whether this can be a report."""
    try:
        report(frame)
    except DriverError:
        return False
    return True


def report(frame: bytes) -> Report:
    """One whole frame. Raises DriverError."""
    if len(frame) < SMALLEST or len(frame) != size_of(frame):
        raise DriverError("bad_length")
    body = frame[6:-4]
    if frame[:4] != HEAD or frame[-4:] != TAIL or body[1] != 0xAA or body[-2:] != b"\x55\x00":
        raise DriverError("bad_frame")
    target = struct.unpack("<BHBHBH", body[2:11])
    moving, static = _gates(body)
    state, moving_cm, moving_energy, static_cm, static_energy, detection_cm = target
    if state > MOVING | STATIC or max(moving_cm, static_cm, detection_cm) > _FARTHEST_CM:
        raise DriverError("out_of_range")
    if max(bytes((moving_energy, static_energy)) + moving + static) > 100:
        raise DriverError("out_of_range")
    return Report(target, moving, static)


def _gates(body: bytes) -> tuple:
    """Energies per gate (moving, static); none in a basic report."""
    if body[0] == _BASIC:
        if len(body) != _BASIC_BODY:
            raise DriverError("bad_length")
        return b"", b""
    if body[0] != _ENGINEERING:
        raise DriverError("bad_frame")
    if len(body) < _BASIC_BODY + 4:
        raise DriverError("bad_length")
    moving, static = body[11] + 1, body[12] + 1
    # newer modules add the light and the level of the output pin
    if moving > _GATES or static > _GATES or len(body) - _BASIC_BODY - 2 - moving - static not in (0, 2):
        raise DriverError("bad_length")
    return body[13 : 13 + moving], body[13 + moving : 13 + moving + static]
