"""What distance does a JSN-SR04T ultrasonic sensor report in serial mode?"""

REQUEST = b"\x55"
ANSWER_SIZE = 4
BAUD = 9600


class EchoError(ValueError):
    """No number this time: silence, no echo or a damaged answer; the text is the counter it belongs to."""


def distance_mm(answer: bytes) -> int:
    """Millimetres from ``FF high low sum``, sum = the low byte of FF + high + low. Raises EchoError."""
    if len(answer) != ANSWER_SIZE:
        raise EchoError("no_answer")
    if answer[0] != 0xFF or (answer[0] + answer[1] + answer[2]) & 0xFF != answer[3]:
        raise EchoError("bad_checksum")
    distance = answer[1] << 8 | answer[2]
    if not distance:
        raise EchoError("no_echo")
    return distance
