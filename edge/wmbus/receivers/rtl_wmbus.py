"""rtl-wmbus behind a software radio: ``T1;1;1;2026-11-23 10:00:00.000;97;148;06855817;0x…``, CRCs stripped.

The second and third field say whether the CRCs and the 3-of-6 code were right.
"""

from edge.wmbus.lines import Lines, hexadecimal
from edge.wmbus.receivers import Received

_FIELDS = 8


class Stream(Lines):
    def __init__(self) -> None:
        super().__init__(_parse)


def _parse(line: str) -> Received | None:
    fields = line.split(";")
    if len(fields) < _FIELDS or fields[1:3] != ["1", "1"] or not fields[-1].startswith("0x"):
        return None
    octets = hexadecimal(fields[-1].removeprefix("0x"))
    return Received(octets) if octets else None


def encode(octets: bytes) -> bytes:
    """As rtl-wmbus writes a link frame without CRCs; for the virtual radio."""
    identification = octets[4:8][::-1].hex()
    return f"T1;1;1;2026-11-23 10:00:00.000;97;148;{identification};0x{octets.hex()}\n".encode()
