"""How much was in the air: hourly and daily means under the 75 % rule, running 8-hour means, the highest of a day?

Required data are those of Directive 2008/50/EC, Annex VII and (from memory) XI: an hour needs
75 % of its time (45 minutes), 8 hours need 75 % of their hourly values (6), the highest 8-hour mean of a day needs
75 % of the day's running means (18 of 24), a day needs 75 % of its hourly values (18 of 24). On days of 23 and 25 hours
the share decides. What is suspect counts as not measured. Days are whichever windows the caller gives: local ones, or
those of a standard time where a report asks for it. Units are those of the series. What low-cost nodes measure is
indicative at best: these means raise no legal exceedance.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import fsum
from typing import NamedTuple

from collector.analysis.coverage import latest, measured, overlap, share
from collector.analysis.windows import HOUR, Window
from collector.observation import Observation

LEAST_SHARE = Fraction(3, 4)


class Mean(NamedTuple):
    """A mean and what it stands on."""

    window: Window
    value: float | None
    """None: refused, because less than the least share was measured."""
    low: float | None
    """The mean if everything below detection had been 0."""
    high: float | None
    """The mean if everything below detection had been at its limit; never below the truth, unless ``is_capped``."""
    share: Fraction
    """Of the data that could be there, 0 … 1."""
    censored: int
    """Values below detection or above the range that are in the mean."""
    is_capped: bool
    """Some value was above the range of its sensor (">"): the mean is a lower bound."""


def hourly_mean(observations: Iterable[Observation], hour: Window, least: Fraction = LEAST_SHARE) -> Mean:
    """The mean over one hour (or any window) of a series with a period, each value by its time in the window.

    A value at an instant covers no time and so is not measured: a series of such has no mean under this rule.
    A value below detection ("<2") counts with half of its limit, as Directive 2009/90/EC, Article 5 (from memory),
    has it for water; for air the choice is ours, and ``low`` and ``high`` say how much hangs on it. A value above the
    range counts with the end of the range.
    """
    windows = [hour]
    inside = [
        (one, overlap(one.at - one.series.period, one.at, windows))
        for one in latest(observations)
        if one.series.period and one.judged != "suspect"
    ]
    used = [(one, _number(one), weight) for one, weight in inside if weight]
    covered = share(measured((one for one, _, _ in used), windows), windows)
    censored = sum(one.censored != "" for one, _, _ in used)
    is_capped = any(one.censored == ">" for one, _, _ in used)
    if not used or covered < least:
        return Mean(hour, None, None, None, covered, censored, is_capped)
    time = sum(weight for _, _, weight in used)
    high = fsum(value * weight for _, value, weight in used) / time
    limits = fsum(value * weight for one, value, weight in used if one.censored == "<") / time
    return Mean(hour, high - limits / 2, high - limits, high, covered, censored, is_capped)


def mean_of(window: Window, means: Iterable[Mean], possible: int, least: Fraction = LEAST_SHARE) -> Mean:
    """The mean of the means that lie in the window, each with the same weight, where ``possible`` could be there.

    The mean of a year asks for a ``least`` share of 90 % (2008/50/EC, Annex I, minimum data capture).
    """
    inside = {one.window: one for one in means if window.begin <= one.window.begin and one.window.end <= window.end}
    used = [inside[one] for one in sorted(inside) if inside[one].value is not None]
    present = Fraction(len(used), possible)
    censored = sum(one.censored for one in used)
    is_capped = any(one.is_capped for one in used)
    if not used or present < least:
        return Mean(window, None, None, None, present, censored, is_capped)
    value, low, high = (
        fsum(figure for figure in figures if figure is not None) / len(used)
        for figures in zip(*((one.value, one.low, one.high) for one in used), strict=True)
    )
    return Mean(window, value, low, high, present, censored, is_capped)


def daily_mean(hours: Iterable[Mean], day: Window, least: Fraction = LEAST_SHARE) -> Mean:
    """The mean of a day out of its hourly means: 18 of 24 must be there, 18 of 23, 19 of 25."""
    return mean_of(day, hours, (day.end - day.begin) // HOUR, least)


def running_8h(hours: Sequence[Mean], day: Window) -> list[Mean]:
    """The 8-hour means that end in the day, one for each of its hours; each needs 6 hourly means.

    Each belongs to the day in which it ends: the first of a day spans 17:00 of the day before to 01:00, the last
    16:00 to 24:00 (2008/50/EC, Annexes VII and XI). So ``hours`` reaches back 7 hours before the day.
    """
    ends = range(day.begin + HOUR, day.end + 1, HOUR)
    # Only these can lie in a window below; a year of hours is not searched 24 times.
    near = [one for one in hours if day.begin - 7 * HOUR <= one.window.begin and one.window.end <= day.end]
    return [mean_of(Window(end - 8 * HOUR, end), near, 8) for end in ends]


def highest_8h(hours: Sequence[Mean], day: Window, least: Fraction = LEAST_SHARE) -> Mean:
    """The highest 8-hour mean of a day, with the window in which it was; refused with less than 18 of 24 of them.

    ``share`` is that of the running means of the day; a refused one carries the window of the day.
    """
    running = running_8h(hours, day)
    valid = [(one.value, -one.window.begin, one) for one in running if one.value is not None]
    present = Fraction(len(valid), max(1, len(running)))
    if not valid or present < least:
        return Mean(day, None, None, None, present, 0, is_capped=False)
    _, _, highest = max(valid)  # the earliest of equals
    return highest._replace(share=present)


def _number(one: Observation) -> float:
    if not isinstance(one.value, float | int):
        raise TypeError(f"{one.series.quantity}: expected a concentration, got {one.value!r}")
    return one.value
