"""Which stretch of local time holds an instant: quarter of an hour, hour, day, month or year in Europe/Ljubljana?

Days have 23 or 25 hours when the clocks change. An hour is always 60 minutes: the local hour that comes twice in
October makes two windows. The rules of the zone come from the system, or from ``tzdata`` where a machine has none.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Ljubljana")
QUARTER = 900_000
HOUR = 3_600_000
FIRST, AFTER = -3_600_000, 253_370_761_200_000  # local midnight of 1970-01-01 and of 9999-01-01, ms UTC

Size = Literal["quarter", "hour", "day", "month", "year"]

_DAY = 24 * HOUR
_LENGTH: dict[Size, int] = {"quarter": QUARTER, "hour": HOUR, "day": _DAY, "month": 30 * _DAY, "year": 365 * _DAY}


class Window(NamedTuple):
    """From ``begin`` (inclusive) to ``end`` (exclusive), ms UTC; ``end`` is the ``begin`` of the next."""

    begin: int
    end: int


def about(size: Size, begin: int, end: int) -> int:
    """How many windows that time (ms UTC) has, near enough to refuse a question before it is worked on."""
    return (end - begin) // _LENGTH[size] + 1


def window_at(size: Size, at: int) -> Window:
    """The window that holds the instant ``at``; ValueError outside the local years 1970 … 9998."""
    if not FIRST <= at < AFTER:
        raise ValueError(f"at: no calendar window holds {at}")
    return _window(size, at // QUARTER)  # since 1970 every local midnight and hour is a whole quarter of UTC


def window_of(size: Size, at: int, period: int) -> Window:
    """The window of an observation: one over a period belongs where its last millisecond lies.

    A mean from 11:45 to 12:00 carries 12:00 as its ``at`` and belongs to 11:00 … 12:00; a value at the instant 12:00
    belongs to 12:00 … 13:00.
    """
    return window_at(size, at - 1 if period else at)


def windows_between(size: Size, since: int, until: int) -> Iterator[Window]:
    """Every window that shares time with [since, until), in order, without gap or overlap."""
    while since < until:
        window = window_at(size, since)
        yield window
        since = window.end


def local_hour(at: int) -> int:
    """The hour on the clock in Koper, 0 … 23, at an instant in ms UTC."""
    return _local(at).hour


def local_date(at: int) -> date:
    """The date on the calendar in Koper at an instant in ms UTC."""
    return _local(at).date()


def instant(day: date, hour: int) -> int:
    """Ms UTC at which the clock in Koper first shows a full hour of a day; hour 24 is the next midnight.

    02:00 of the day in March that has no such hour is the instant at which the clock jumps to 03:00.
    """
    if hour == 24:
        day, hour = day + timedelta(days=1), 0
    return int(datetime.combine(day, time(hour), ZONE).timestamp()) * 1000


@lru_cache(maxsize=4096)
def _window(size: Size, quarter: int) -> Window:
    begin = quarter * QUARTER
    if size == "quarter":
        return Window(begin, begin + QUARTER)
    if size == "hour":
        begin -= begin % HOUR  # the offset is whole hours
        return Window(begin, begin + HOUR)
    first = local_date(begin)
    if size == "day":
        after = first + timedelta(days=1)
    elif size == "month":
        first = first.replace(day=1)
        after = (first + timedelta(days=31)).replace(day=1)
    else:
        first = first.replace(month=1, day=1)
        after = first.replace(year=first.year + 1)
    return Window(instant(first, 0), instant(after, 0))


def _local(at: int) -> datetime:
    return datetime.fromtimestamp(at // 1000, UTC).astimezone(ZONE)
