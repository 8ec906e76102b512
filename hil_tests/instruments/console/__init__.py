"""What does a device say on its serial port, and when? One module per way to it; the rig file names it."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Said(NamedTuple):
    """A whole line, without its end, and the ms UTC at which the end came."""

    at: int
    text: str


class Console(Protocol):
    """It listens from its opening to its closing, also over power cuts and resets, except while ``run`` runs."""

    def said(self, since: int = 0) -> Sequence[Said]:
        """All lines from number ``since`` on, oldest first."""

    def reset(self) -> None:
        """The device starts again, as by its button. BenchError when it can't be told."""

    @property
    def has_repl(self) -> bool: ...

    def run(self, code: str) -> str:
        """What this prints in the REPL; the application stands still until ``reset``. BenchError without a REPL."""
