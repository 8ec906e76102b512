"""How much was in the air: means under the 75 % rule, and the highest 8-hour mean of a day?"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from fractions import Fraction

from collector.analysis.air import LEAST_SHARE, Mean, daily_mean, highest_8h, hourly_mean, mean_of
from collector.analysis.windows import HOUR, Window, window_at, windows_between
from collector.indicators.indicator import About, Indicator, Reach, Row
from collector.indicators.sliced import within
from collector.observation import Observation

_BACK = 7 * HOUR  # the first 8 hours of a day end at 1:00
_LEAST_OF_YEAR = Fraction(9, 10)


def _rows(observations: Sequence[Observation], windows: Sequence[Window], _about: About) -> Iterator[Row]:
    hours = [hourly_mean(within(observations, hour.begin, hour.end), hour) for hour in _hours(observations)]
    begins = [one.window.begin for one in hours]
    for window in windows:
        first, inside, last = (bisect_left(begins, at) for at in (window.begin - _BACK, window.begin, window.end))
        if inside < last:
            mean, highest = _mean(hours[first:last], window)
            is_there = highest is not None and highest.value is not None
            of_8h = (highest.value, highest.window.end) if highest and is_there else (None, None)
            yield window, *_told(mean), *of_8h, None if highest is None else float(highest.share)


def _hours(observations: Sequence[Observation]) -> Iterator[Window]:
    """Those of which anything was measured, in order, each once."""
    reached = 0
    for one in observations:
        begin = max(0, one.at - one.series.period)
        for hour in windows_between("hour", max(begin, reached), max(one.at, begin + 1)):
            yield hour
            reached = hour.end


def _mean(hours: Sequence[Mean], window: Window) -> tuple[Mean, Mean | None]:
    """Of the window, and of its highest 8 hours where it is a day; ``hours`` go back before it."""
    if window == window_at("hour", window.begin):
        return hours[-1], None
    if window == window_at("day", window.begin):
        return daily_mean(hours, window), highest_8h(hours, window)
    least = _LEAST_OF_YEAR if window == window_at("year", window.begin) else LEAST_SHARE
    return mean_of(window, hours, (window.end - window.begin) // HOUR, least), None


def _told(mean: Mean) -> tuple[object, ...]:
    return mean.value, mean.low, mean.high, float(mean.share), mean.censored, mean.is_capped


AIR = Indicator(
    "air",
    "no2",
    "a gauge, as no2 or pm2_5",
    lambda kind: kind.kind == "gauge",
    ("hour", "day", "month", "year"),
    "",
    {
        **dict.fromkeys(("mean", "low", "high", "share"), "number"),
        "censored": "count",
        "is_capped": "truth",
        "highest_8h": "number",
        "highest_8h_end": "count",
        "share_8h": "number",
    },
    _rows,
    Reach(back=_BACK),
)
