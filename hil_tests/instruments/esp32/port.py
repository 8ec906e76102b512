"""What does a port tell a board? What every way of hanging on a computer has in common."""

from enum import Enum
from typing import Protocol


class Line(Enum):
    """What a port tells beside octets."""

    CLOSED = "nobody has it open any more"
    HELD = "the chip is held in reset"
    DOWNLOAD = "reset ends, with IO0 low: the loader runs"
    RUN = "reset ends: the application runs"


Event = bytes | Line


class Port(Protocol):
    """``wait`` returns what came within ``seconds``, and whether the interpreter (``inside``) has something to say."""

    name: str
    has_lines: bool

    def wait(self, inside: int | None, seconds: float) -> tuple[list[Event], bool]: ...

    def write(self, octets: bytes) -> None: ...

    def close(self) -> None: ...
