"""How much of a window did the values measure, and which value counts where there are several?"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from fractions import Fraction

from collector.analysis.windows import Window
from collector.observation import Observation, Series


def latest(observations: Iterable[Observation]) -> list[Observation]:
    """One observation per identity, sorted by (series, at): of several versions the one that became known last.

    Two contents that became known at once (stores that keep no known time) are decided by their text, so that the
    answer never depends on the order of the input.
    """
    kept: dict[tuple[Series, int], Observation] = {}
    for one in observations:
        other = kept.get((one.series, one.at))
        if other is None or _rank(one) > _rank(other):
            kept[one.series, one.at] = one
    return [kept[identity] for identity in sorted(kept)]


def overlap(begin: int, end: int, windows: Sequence[Window]) -> int:
    """The ms of [begin, end) inside the windows, which are sorted and share no time."""
    inside = 0
    for index in range(bisect_right(windows, begin, key=_end), len(windows)):
        window = windows[index]
        if window.begin >= end:
            break
        inside += min(end, window.end) - max(begin, window.begin)
    return inside


def measured(observations: Iterable[Observation], windows: Sequence[Window]) -> int:
    """The ms of the windows that at least one of the observations covers: overlapping measurements count once.

    A value over a period covers the period before its ``at``.
    """
    total, reached = 0, windows[0].begin if windows else 0
    for begin, end in sorted((one.at - one.series.period, one.at) for one in observations):
        if end > reached:
            total += overlap(max(begin, reached), end, windows)
            reached = end
    return total


def share(part: int, windows: Sequence[Window]) -> Fraction:
    """``part`` ms as a share of all time in the windows, exactly: a rule of 75 % must not fail by rounding."""
    return Fraction(part, max(1, sum(window.end - window.begin for window in windows)))


def _rank(one: Observation) -> tuple[int, str, str]:
    return one.known, repr(one.content), one.derived


def _end(window: Window) -> int:
    return window.end
