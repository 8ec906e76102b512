"""Which radio receivers are there? One module each, found by its name: ``Stream().feed(bytes)`` yields what was heard.

A stream is pure: bytes as the serial line or socket brings them, in any pieces, in; link frames out. Garbage is
skipped to the next whole frame and never raises.
"""

from importlib import import_module
from pathlib import Path
from typing import NamedTuple, Protocol, cast

BAUD_RATES = {"im871a": 57600, "iu891a": 115200, "amb8465": 9600, "cul": 38400, "rtl_wmbus": 115200}


class Received(NamedTuple):
    """One link frame from its L field on, with or without CRCs; ``dbm`` where the receiver says how strong it was."""

    octets: bytes
    dbm: int | None = None


class Stream(Protocol):
    """Takes bytes apart; ``dropped`` counts bytes that belonged to no frame."""

    dropped: int

    def feed(self, octets: bytes) -> list[Received]:
        """Return what is complete now."""


def kinds() -> list[str]:
    """Every receiver there is, as gateway.toml names it: ``rtl-wmbus``."""
    return sorted(file.stem.replace("_", "-") for file in Path(__file__).parent.glob("[a-z]*.py"))


def stream(kind: str) -> Stream:
    """A new stream of this kind."""
    module = import_module(f"{__name__}.{kind.replace('-', '_')}")
    return cast("Stream", module.Stream())


def baud_of(kind: str) -> int:
    """The speed at which these dongles leave their maker."""
    return BAUD_RATES[kind.replace("-", "_")]


def ccitt(octets: bytes) -> bytes:
    """The CRC of the IMST dongles (CRC-16/X-25), as it is sent: low byte first."""
    value = 0xFFFF
    for octet in octets:
        value ^= octet
        for _ in range(8):
            value = value >> 1 ^ (0x8408 if value & 1 else 0)
    return (value ^ 0xFFFF).to_bytes(2, "little")
