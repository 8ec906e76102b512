"""How much was in the air: means under the 75 % rule, and the highest 8-hour mean of a day?"""

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
    begin, end = windows[0].begin, windows[-1].end
    hours = [
        hourly_mean(within(observations, hour.begin, hour.end), hour)
        for hour in windows_between("hour", max(0, begin - _BACK), end)
    ]
    place = 0
    for window in windows:
        while place < len(hours) and hours[place].window.begin < window.begin - _BACK:
            place += 1
        near = hours[place : place + (window.end - window.begin + _BACK) // HOUR]
        mean, highest = _mean(near, window)
        if mean.share:
            yield window, *_told(mean), *((highest.value, highest.window.end, float(highest.share)) if highest else _NO)


_NO = (None, None, None)


def _mean(hours: Sequence[Mean], window: Window) -> tuple[Mean, Mean | None]:
    if window == window_at("hour", window.begin):
        return next(one for one in hours if one.window == window), None
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
    {
        **dict.fromkeys(("mean", "low", "high", "share"), "number"),
        "censored": "count",
        "is_capped": "truth",
        "highest_8h": "number",
        "highest_8h_end": "count",
        "share_8h": "number",
    },
    _rows,
    Reach(back=_BACK, after=1),
)
