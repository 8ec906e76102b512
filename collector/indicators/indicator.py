"""What is an indicator? What it is made of, for which windows, and how its rows are made. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from collector.analysis.windows import Size, Window
from collector.entities.meters import Known
from collector.observation import Kind, Observation
from collector.series.query import Comparison

Column = Literal["number", "count", "text", "truth"]
Row = tuple[Any, ...]
"""The window, then a value for each column; a window in which nothing was measured has none."""


class Reach(NamedTuple):
    """What is read beside the windows, and beside what a period reaches over their end."""

    back: int = 0
    """Ms before the first window begins."""
    ahead: int = 0
    """Ms after the last one has ended."""
    before: int = 0
    """Observations before all that."""
    after: int = 0
    """Observations after all that."""
    also: tuple[Comparison, ...] = ()
    """And the last one before all that for which this holds, of a month at most."""
    where: tuple[Comparison, ...] = ()
    """Which are read at all."""


class About(NamedTuple):
    """What is known beside the observations."""

    known: Known
    now: int
    """Ms UTC: what will be is not known; of a question as of some time, that time."""


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
    unit: str
    """UCUM, of what the first column says; "": that of the quantity."""
    columns: Mapping[str, Column]
    rows: Callable[[Sequence[Observation], Sequence[Window], About], Iterable[Row]]
    """Of one series, at least one in order of time, and windows without a gap."""
    reach: Reach
