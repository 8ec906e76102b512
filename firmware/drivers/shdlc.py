"""How does a Sensirion sensor talk on a serial line? SHDLC: frames between 7E, four octets escaped, one checksum.

Asked: ``address command length data… checksum``; answered: ``address command state length data… checksum``. The
checksum is the inverted low octet of the sum, made before the escaping.
"""

from firmware.drivers import DriverError
from firmware.drivers.framing import FrameFinder

_DELIMITER = 0x7E
_ESCAPE = 0x7D
_ESCAPED = (0x11, 0x13, _ESCAPE, _DELIMITER)
_LARGEST = 128  # an SPS30 answers 45 octets at most, each may be escaped
_NOT_IN_THIS_STATE = 0x43


def request(command: int, data: bytes = b"") -> bytes:
    """What asks the sensor with address 0."""
    content = bytes((0, command, len(data))) + data
    escaped = bytearray((_DELIMITER,))
    for octet in content + bytes((_checksum(content),)):
        if octet in _ESCAPED:
            escaped += bytes((_ESCAPE, octet ^ 0x20))
        else:
            escaped.append(octet)
    escaped.append(_DELIMITER)
    return bytes(escaped)


def finder() -> FrameFinder:
    """Finds whole frames with a right checksum."""
    return FrameFinder(bytes((_DELIMITER,)), _size, _is_frame)


def answer(frame: bytes, command: int) -> bytes:
    """The data in an answer to that command. Raises DriverError.

    ``not_measuring``: the sensor can't do that in its state, as one that lost its power and was not started again.
    """
    content = _content(frame)
    if content[1] != command:
        raise DriverError("other_answer")
    if content[2] & 0x7F == _NOT_IN_THIS_STATE:
        raise DriverError("not_measuring")
    if content[2] & 0x7F:
        raise DriverError("refused")
    return content[4:-1]


def _checksum(content) -> int:
    return ~sum(content) & 0xFF


def _size(octets: bytes) -> int:
    end = octets.find(b"\x7e", 1)
    if end < 0:
        return 0 if len(octets) < _LARGEST else -1
    return end + 1 if 1 < end < _LARGEST else -1  # 7E 7E: the end of one frame and the beginning of the next


def _content(frame: bytes) -> bytes:
    """Without delimiters and escapes. Raises DriverError: bad_length, bad_checksum."""
    content, escaping = bytearray(), False
    for octet in frame[1:-1]:
        if escaping:
            content.append(octet ^ 0x20)
        elif octet != _ESCAPE:
            content.append(octet)
        escaping = octet == _ESCAPE and not escaping
    if escaping or len(content) < 5 or len(content) != content[3] + 5:
        raise DriverError("bad_length")
    if _checksum(content[:-1]) != content[-1]:
        raise DriverError("bad_checksum")
    return bytes(content)


def _is_frame(frame: bytes) -> bool:
    try:
        _content(frame)
    except DriverError:
        return False
    return True
