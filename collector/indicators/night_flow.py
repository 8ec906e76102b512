"""How little flowed at night, when nobody draws water, by the index of a meter?"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from collector.analysis.counters import steps
from collector.analysis.water import lowest_of_index
from collector.analysis.windows import Window, local_date
from collector.indicators.indicator import About, Indicator, Reach, Row
from collector.observation import Observation


def _rows(observations: Sequence[Observation], windows: Sequence[Window], about: About) -> Iterator[Row]:
    found = steps(observations, about.known.meter, about.known.exchanges)
    for window in windows:
        first = bisect_right(found, window.begin, key=lambda step: step.end)
        last = bisect_left(found, window.end, key=lambda step: step.begin)
        lowest = lowest_of_index(found[first:last], local_date(window.begin))
        if lowest.value is not None:
            yield window, float(lowest.value), lowest.at, float(lowest.share)


NIGHT_FLOW = Indicator(
    "night_flow",
    "water_volume",
    "a counter in m3, as water_volume",
    lambda kind: kind.kind == "counter" and kind.unit == "m3",
    ("day",),
    {"flow": "number", "at": "count", "share": "number"},
    _rows,
    Reach(before=2, after=2),
    takes_suspect=False,
)
