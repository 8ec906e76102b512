"""How long was a spot occupied, and how many came?"""

from collections.abc import Iterator, Sequence

from collector.analysis.parking import stays, use
from collector.analysis.windows import HOUR, Window
from collector.indicators.indicator import About, Indicator, Reach, Row
from collector.observation import Observation
from collector.series.query import Comparison

SILENCE = 25 * HOUR
"""A spot that has said nothing for so long is unknown; nodes tell their state every quarter of an hour, or as set."""

_USABLE = (Comparison("value", "!=", "unknown"), Comparison("quality", "!=", "suspect"))  # says whether a car came


def _rows(observations: Sequence[Observation], windows: Sequence[Window], about: About) -> Iterator[Row]:
    until = min(about.now, windows[-1].end)
    for one in use(stays(observations, until, SILENCE), windows, until):
        if one.known:
            occupancy = None if one.occupancy is None else float(one.occupancy)
            yield one.window, occupancy, one.occupied, one.free, one.closed, one.unknown, one.arrivals


PARKING = Indicator(
    "parking",
    "occupancy",
    "occupancy",
    lambda kind: kind.name == "occupancy",
    ("quarter", "hour", "day", "month", "year"),
    "1",
    {"occupancy": "number", **dict.fromkeys(("occupied", "free", "closed", "unknown", "arrivals"), "count")},
    _rows,
    Reach(before=1, also=_USABLE),
)
