"""What is an indicator? What it is made of, for which windows, and how its rows are made. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from collector.analysis.windows import Size, Window
from collector.entities.meters import Known
from collector.observation import Kind, Observation

Column = Literal["number", "count", "text", "truth"]
Row = tuple[Any, ...]
"""The window, then a value for each column; a window in which nothing was measured has none."""


class Reach(NamedTuple):
    """What is read beside the windows."""

    back: int = 0
    """Ms before the first window begins."""
    ahead: int = 0
    """Ms after the last one has ended."""
    before: int = 0
    """Observations before all that."""
    after: int = 0
    """Observations after all that."""


class About(NamedTuple):
    """What is known beside the observations."""

    known: Known
    now: int
    """Ms UTC."""


@dataclass(frozen=True, slots=True)
class Indicator:
    name: str
    quantity: str
    """Which one is asked for when none is named."""
    needs: str
    """What a quantity must be, in words."""
    takes: Callable[[Kind], bool]
    """Whether it is."""
    sizes: tuple[Size, ...]
    """Of windows."""
    columns: Mapping[str, Column]
    rows: Callable[[Sequence[Observation], Sequence[Window], About], Iterable[Row]]
    """Of one series, in order of time, and windows without a gap; TypeError and ValueError for a wrong quantity."""
    reach: Reach
    takes_suspect: bool = True
    """Whether suspect observations are read; else they are left out before ``reach`` counts."""
