"""CUL sticks (culfw): ``b`` and hexadecimal digits of a format A frame, ``bY`` of a format B frame, CRCs included.

With reporting switched on two more bytes follow: link quality and signal strength.
"""

from edge.wmbus.frame import size_with_crcs
from edge.wmbus.lines import Lines, hexadecimal
from edge.wmbus.receivers import Received


class Stream(Lines):
    def __init__(self) -> None:
        super().__init__(_parse)


def _parse(line: str) -> Received | None:
    if not line.startswith("b"):
        return None
    is_format_b = line.startswith("bY")
    octets = hexadecimal(line[2:] if is_format_b else line[1:])
    if not octets:
        return None
    size = octets[0] + 1 if is_format_b else size_with_crcs(octets[0])
    if len(octets) == size + 2:  # CC1101 data sheet: half decibels, offset 74
        raw = int.from_bytes(octets[-1:], "big", signed=True)
        return Received(octets[:-2], raw // 2 - 74)
    return Received(octets)


def encode(octets: bytes) -> bytes:
    """As the stick hands on a format A frame with its CRCs; for the virtual radio."""
    return b"b" + octets.hex().upper().encode() + b"\r\n"
