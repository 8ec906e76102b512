"""Which values of time can stand in a filter, and how are they written? By ISO 8601: instants, intervals, durations."""

import re
from dataclasses import dataclass, field
from datetime import datetime

from collector.refusals import AskedWrongError

LONGEST_DURATION = 1e14  # ms, three thousand years

_DURATION = re.compile(
    r"(-?)P(?:(\d{1,6})D)?(?:T(?=\d)(?:(\d{1,8})H)?(?:(\d{1,8})M)?(?:(\d{1,9}(?:\.\d{1,9})?)S)?)?", re.ASCII
)


@dataclass(frozen=True, slots=True, order=True)
class Instant:
    """A type of its own, so that it never compares with a number."""

    ms: float
    """UTC; a whole number unless the filter was more exact than the city is."""
    offset: int = field(default=0, compare=False)
    """Minutes to UTC as it was written: in it ``hour()`` and the like are told. What is stored has 0."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Holds its begin and not its end: an hour that ends at midnight is of the day before."""

    begin: float
    end: float
    """ms UTC, after ``begin``."""


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    ms: float


def read_instant(text: str) -> Instant:
    """ISO 8601 with an offset; raise AskedWrongError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise AskedWrongError(f"{text}: not a time") from None
    if moment.tzinfo is None:
        raise AskedWrongError(f"{text}: expected an offset or Z")
    offset = moment.utcoffset()
    since = moment - _BEGINNING
    ms = (since.days * 86_400 + since.seconds) * 1000 + since.microseconds / 1000
    return Instant(int(ms) if ms == int(ms) else ms, int(offset.total_seconds() // 60) if offset else 0)


def read_interval(text: str) -> Interval | Instant:
    """``begin/end``; an instant where both are the same. Raise AskedWrongError."""
    begin, end = (read_instant(part) for part in text.split("/"))
    if end < begin:
        raise AskedWrongError(f"{text}: this interval ends before it begins")
    return Interval(begin.ms, end.ms) if begin < end else begin


def read_duration(text: str) -> Duration:
    """``P1DT12H``, in days, hours, minutes and seconds, which have a length; raise AskedWrongError."""
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()[1:]):
        raise AskedWrongError(f"duration'{text}': expected days, hours, minutes and seconds, as in P1DT12H30M")
    sign, *parts = match.groups()
    days, hours, minutes, seconds = (float(part or 0) for part in parts)
    ms = (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000
    return Duration(-ms if sign else ms)


_BEGINNING = datetime.fromisoformat("1970-01-01T00:00:00Z")
