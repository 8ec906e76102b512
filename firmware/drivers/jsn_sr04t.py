"""What distance does a JSN-SR04T ultrasonic sensor report in serial mode?

The module itself turns time into millimetres, at one fixed speed of sound: 0.18 % per degree stay in its number, and
there is no raw time here that could be compensated.
"""

from firmware.drivers import DriverError

REQUEST = b"\x55"
ANSWER_SIZE = 4
BAUD = 9600
TIMEOUT_MS = 3000
BLIND_MM = 200  # nearer than this it hears itself: the number says "near", not how near
FARTHEST_MM = 8000


def distance_mm(answer: bytes) -> int:
    """Millimetres from ``FF high low sum``, sum = the low byte of FF + high + low. Raises DriverError."""
    if len(answer) != ANSWER_SIZE:
        raise DriverError("no_answer")
    if answer[0] != 0xFF or (answer[0] + answer[1] + answer[2]) & 0xFF != answer[3]:
        raise DriverError("bad_checksum")
    distance = answer[1] << 8 | answer[2]
    if not distance:
        raise DriverError("no_echo")
    if distance > FARTHEST_MM:
        raise DriverError("out_of_range")
    return distance
