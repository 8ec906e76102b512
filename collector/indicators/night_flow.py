"""How little flowed at night, when nobody draws water, by the index of a meter?"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from collector.analysis.counters import steps
from collector.analysis.water import lowest_of_index
from collector.analysis.windows import Window, local_date
from collector.indicators.consumption import OF_AN_INDEX
from collector.indicators.indicator import About, Indicator, Row
from collector.observation import Observation


def _rows(observations: Sequence[Observation], windows: Sequence[Window], about: About) -> Iterator[Row]:
    found = steps(observations, about.known.meter, about.known.exchanges)
    for window in windows:
        first = bisect_right(found, window.begin, key=lambda step: step.end)
        last = bisect_left(found, window.end, key=lambda step: step.begin)
        if first < last:
            lowest = lowest_of_index(found[first:last], local_date(window.begin))
            flow = None if lowest.value is None else float(lowest.value)
            yield window, flow, lowest.at, float(lowest.share)


NIGHT_FLOW = Indicator(
    "night_flow",
    "water_volume",
    "a counter in m3, as water_volume",
    lambda kind: kind.kind == "counter" and kind.unit == "m3",
    ("day",),
    "m3/h",
    {"flow": "number", "flow_end": "count", "share": "number"},
    _rows,
    OF_AN_INDEX,
)
