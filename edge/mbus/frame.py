"""How is an M-Bus link frame written and read (EN 13757-2 5)?"""

from typing import NamedTuple

from edge.errors import DeviceError

ACK = b"\xe5"
SHORT_START, LONG_START, STOP = 0x10, 0x68, 0x16
SND_NKE, SND_UD, REQ_UD2, RSP_UD = 0x40, 0x53, 0x5B, 0x08
FCB = 0x20  # frame count bit of a primary frame's C field
LONGEST = 261  # bytes: 255 counted ones and the six around them


class Frame(NamedTuple):
    """One link frame; ``ci`` is None for a short one (no application layer)."""

    control: int
    primary_address: int
    ci: int | None = None
    payload: bytes = b""


def encode(frame: Frame) -> bytes:
    """The bytes of a short frame, or of a long one when there is a CI field."""
    body = bytes((frame.control, frame.primary_address))
    if frame.ci is None:
        return bytes((SHORT_START, *body, sum(body) & 0xFF, STOP))
    body += bytes((frame.ci,)) + frame.payload
    if len(body) > 255:
        raise ValueError(f"frame: {len(body)} bytes counted, at most 255 fit")
    return bytes((LONG_START, len(body), len(body), LONG_START, *body, sum(body) & 0xFF, STOP))


def size_of(octets: bytes) -> int:
    """How many bytes the frame at the start takes; 0 while that is not known; DeviceError when no frame starts here."""
    if not octets:
        return 0
    if octets[0] == ACK[0]:
        return 1
    if octets[0] == SHORT_START:
        return 5
    if octets[0] != LONG_START:
        raise DeviceError(f"frame: no start character in {octets[:8].hex(' ')}")
    if len(octets) < 4:
        return 0
    if octets[1] != octets[2] or octets[3] != LONG_START or octets[1] < 3:
        raise DeviceError(f"frame: malformed start {octets[:4].hex(' ')}")
    return octets[1] + 6


def decode(octets: bytes) -> Frame:
    """The short or long frame that these bytes are, no more and no less; DeviceError says what is wrong with them."""
    size = size_of(octets)
    if not size or size != len(octets):
        raise DeviceError(f"frame: {len(octets)} bytes, expected {size or 'a whole frame'}")
    if octets == ACK:
        raise DeviceError("frame: a single character carries nothing")
    if octets[-1] != STOP:
        raise DeviceError(f"frame: stop character {octets[-1]:02x}, expected 16")
    body = octets[1:-2] if octets[0] == SHORT_START else octets[4:-2]
    if sum(body) & 0xFF != octets[-2]:
        raise DeviceError(f"frame: checksum {octets[-2]:02x}, expected {sum(body) & 0xFF:02x}")
    if octets[0] == SHORT_START:
        return Frame(body[0], body[1])
    return Frame(body[0], body[1], body[2], body[3:])
