"""How much was consumed, by the index of a meter?"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from collector.analysis.consumption import decimals, per_window
from collector.analysis.counters import Step, steps
from collector.analysis.windows import Window
from collector.indicators.indicator import About, Indicator, Reach, Row
from collector.observation import Observation

_PLACES = 3  # litres, watt hours


def _rows(observations: Sequence[Observation], windows: Sequence[Window], about: About) -> Iterator[Row]:
    found = steps(observations, about.known.meter, about.known.exchanges)
    several = per_window(found, windows)
    amounts = decimals((one.amount for one in several), _PLACES)
    estimates = decimals((one.estimated for one in several), _PLACES)
    events = _events(found, windows)
    for one, amount, estimated, happened in zip(several, amounts, estimates, events, strict=True):
        if one.covered:
            share = one.covered / (one.window.end - one.window.begin)
            quality = "estimated" if one.bridged else "valid"
            yield one.window, float(amount), float(estimated), quality, share, ", ".join(happened)


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
    {"amount": "number", "estimated": "number", "quality": "text", "share": "number", "events": "text"},
    _rows,
    Reach(before=2, after=2),
    takes_suspect=False,
)
