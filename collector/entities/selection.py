"""Which series does a question name, outside and inside? Made once by a view, and good for as long as its revision."""

from collections.abc import Sequence
from dataclasses import dataclass

from collector.entities.registry import Datastream
from collector.observation import Series
from collector.series.batch import Int64s


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    streams: Sequence[Datastream]
    """As they are named outside."""
    inner: Sequence[Series]
    """As they are stored, in the same order."""
    numbers: Int64s
    """Those of the store's table; -1 of what it never had."""
    is_open: bool
    """Anyone may see all of it."""
