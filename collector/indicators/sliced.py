"""Which observations touch a stretch of time? Of one series in order of time, without looking at all of them."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from collector.observation import Observation


def within(observations: Sequence[Observation], begin: int, end: int) -> Sequence[Observation]:
    """Those that cover some of [begin, end): a value over a period covers the period before its ``at``."""
    if not observations:
        return ()
    period = observations[0].series.period
    first = bisect_right(observations, begin, key=_at) if period else bisect_left(observations, begin, key=_at)
    return observations[first : bisect_left(observations, end + period, key=_at)]


def _at(one: Observation) -> int:
    return one.at
