"""How much was consumed, by the index of a meter?"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from fractions import Fraction

from collector.analysis.consumption import per_window
from collector.analysis.counters import Step, steps
from collector.analysis.windows import HOUR, Window
from collector.indicators.indicator import About, Indicator, Reach, Row
from collector.observation import Observation
from collector.series.query import Comparison

OF_AN_INDEX = Reach(48 * HOUR, 48 * HOUR, 2, 2, where=(Comparison("quality", "!=", "suspect"),))
"""An exchange may have been recorded a day off, and readings a day from there say so."""

_PLACES = 9  # finer than any index, and coarse enough that 0.3 is written so


def _rows(observations: Sequence[Observation], windows: Sequence[Window], about: About) -> Iterator[Row]:
    found = steps(observations, about.known.meter, about.known.exchanges)
    events = _events(found, windows)
    for one, happened in zip(per_window(found, windows), events, strict=True):
        if one.covered:
            share = one.covered / (one.window.end - one.window.begin)
            quality = "estimated" if one.bridged else "valid"
            yield one.window, _number(one.amount), _number(one.estimated), quality, share, ", ".join(happened)


def _number(amount: Fraction) -> float:
    return float(round(amount, _PLACES))


def _events(found: Sequence[Step], windows: Sequence[Window]) -> list[dict[str, None]]:
    """Of the steps that end in each window, in order, each once."""
    events: list[dict[str, None]] = [{} for _ in windows]
    for step in found:
        if step.event and windows[0].begin < step.end <= windows[-1].end:
            events[bisect_left(windows, step.end, key=lambda window: window.end)][step.event] = None
    return events


CONSUMPTION = Indicator(
    "consumption",
    "water_volume",
    "a counter, as water_volume or heat_energy",
    lambda kind: kind.kind == "counter",
    ("quarter", "hour", "day", "month", "year"),
    "",
    {"amount": "number", "estimated": "number", "quality": "text", "share": "number", "events": "text"},
    _rows,
    OF_AN_INDEX,
)
