"""How do times compare, when some of them last? Instants and intervals, by their begins and ends.

An interval holds its begin and not its end. ``a lt b``: all of a is before all of b. ``a le b``: a begins no later and
ends no later than b. ``a eq b``: they begin and end together. ``gt`` and ``ge`` are the same from the other side. So
the hours of a day are those with ``ge`` its first instant and ``lt`` the first of the next.
"""

from collections.abc import Callable

from collector.sensorthings.literals import Instant, Interval

Time = Instant | Interval


def ends(time: Time) -> tuple[float, float]:
    return (time.ms, time.ms) if isinstance(time, Instant) else (time.begin, time.end)


def is_equal(one: Time, other: Time) -> bool:
    return ends(one) == ends(other)


def is_before(one: Time, other: Time) -> bool:
    (begin, end), (start, _) = ends(one), ends(other)
    return end <= start if begin < end else begin < start


def is_no_later(one: Time, other: Time) -> bool:
    (begin, end), (start, stop) = ends(one), ends(other)
    return begin <= start and end <= stop


def is_during(one: Time, other: Time) -> bool:
    """All of one lies in the other."""
    (begin, end), (start, stop) = ends(one), ends(other)
    return start <= begin and (end <= stop if begin < end else begin < stop or begin == start)


def shares_time(one: Time, other: Time) -> bool:
    return not is_before(one, other) and not is_before(other, one)


def meets(one: Time, other: Time) -> bool:
    """One ends where the other begins."""
    return ends(one)[1] == ends(other)[0]


def starts(one: Time, other: Time) -> bool:
    """They begin together, and one ends no later."""
    (begin, end), (start, stop) = ends(one), ends(other)
    return begin == start and end <= stop


def finishes(one: Time, other: Time) -> bool:
    """They end together, and one begins no earlier."""
    (begin, end), (start, stop) = ends(one), ends(other)
    return end == stop and begin >= start


RELATIONS: dict[str, Callable[[Time, Time], bool]] = {
    "before": is_before,
    "after": lambda one, other: is_before(other, one),
    "during": is_during,
    "overlaps": shares_time,
    "meets": meets,
    "starts": starts,
    "finishes": finishes,
}
