"""When is what a record of a date says (EN 13757-3 annex A, types F, G, I, J and M)?

Text in the meter's own local time; what repeats or is left open stands as ``X`` (ISO 8601-2): ``XXXX-12-31``.
"""

from calendar import monthrange
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple

from edge.mbus.value import Number

_EVERY_MINUTE, _EVERY_HOUR, _EVERY_DAY, _EVERY_MONTH, _EVERY_YEAR = 63, 31, 0, 15, 127


class Moment(NamedTuple):
    """``text`` is None when the meter marks it invalid, or when there is no such date."""

    text: str | None
    is_summer_time: bool = False


_INVALID = Moment(None)


def decode(octets: bytes) -> Moment:
    """The date, time or both of a field of 2, 3, 4 or 6 bytes as it travels (least significant byte first)."""
    if octets == b"\xff" * len(octets):
        return _INVALID
    kinds = {2: _type_g, 3: _type_j, 4: _type_f, 6: _type_i}
    return kinds[len(octets)](octets) if len(octets) in kinds else _INVALID


def _type_g(octets: bytes) -> Moment:
    return Moment(_date(octets, 0))


def _type_j(octets: bytes) -> Moment:
    return Moment(_time(octets[2] & 0x1F, octets[1] & 0x3F, octets[0] & 0x3F))


def _type_f(octets: bytes) -> Moment:
    if octets[0] & 0x80:  # IV
        return _INVALID
    time = _time(octets[1] & 0x1F, octets[0] & 0x3F)
    return _joined(_date(octets[2:], octets[1] >> 5 & 3), time, bool(octets[1] & 0x80))


def _type_i(octets: bytes) -> Moment:
    if octets[1] & 0x80:  # IV
        return _INVALID
    time = _time(octets[2] & 0x1F, octets[1] & 0x3F, octets[0] & 0x3F)
    return _joined(_date(octets[3:5], 0, open_month=0), time, bool(octets[0] & 0x40))


def _joined(date: str | None, time: str | None, is_summer_time: bool) -> Moment:
    return Moment(f"{date}T{time}", is_summer_time) if date and time else _INVALID


def _time(hour: int, minute: int, second: int | None = None) -> str | None:
    if (hour > 23 and hour != _EVERY_HOUR) or (minute > 59 and minute != _EVERY_MINUTE):
        return None
    text = f"{_digits(hour, _EVERY_HOUR)}:{_digits(minute, _EVERY_MINUTE)}"
    if second is None:
        return text
    return None if 59 < second != _EVERY_MINUTE else f"{text}:{_digits(second, _EVERY_MINUTE)}"


def _date(octets: bytes, hundreds: int, open_month: int = _EVERY_MONTH) -> str | None:
    day, month = octets[0] & 0x1F, octets[1] & 0x0F
    year = octets[0] >> 5 | (octets[1] & 0xF0) >> 1
    if (year > 99 and year != _EVERY_YEAR) or (not 1 <= month <= 12 and month != open_month):
        return None
    full = 2000 if year == _EVERY_YEAR else _full_year(year, hundreds)
    if day > (31 if month == open_month else monthrange(full, month)[1]):
        return None
    text = "XXXX" if year == _EVERY_YEAR else f"{full}"
    return f"{text}-{_digits(month, open_month)}-{_digits(day, _EVERY_DAY)}"


def _full_year(year: int, hundreds: int) -> int:
    """Table A.5: without hundreds, old meters mean 2000 to 2080 by 0 to 80."""
    return 1900 + 100 * hundreds + year if hundreds or year > 80 else 2000 + year


def _digits(number: int, wildcard: int) -> str:
    return "XX" if number == wildcard else f"{number:02d}"


# Type M: resolutions as (whole factor, power of ten) of a second.
_RESOLUTIONS = ((2, 0), (1, 0), (390625, -8), (30517578125, -15))
_DURATION = -16  # this offset from UTC says that no date is meant
_STARTS = (datetime(2013, 1, 1, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC))


def decode_count(octets: bytes) -> Moment | Number:
    """Type M: units since 2013 or 1970 in UTC with the offset of local time, or a duration in seconds."""
    if len(octets) < 2 or octets == b"\xff" * len(octets):
        return _INVALID
    first, count = octets[0], int.from_bytes(octets[1:], "little")
    offset = (first & 0x1F) - (32 if first & 0x10 else 0)
    factor, power = _RESOLUTIONS[first >> 5 & 3]
    if offset == _DURATION:
        return Number(count * factor, power)
    try:
        passed = timedelta(microseconds=count * factor * 10**6 // 10**-power)
        return Moment((_STARTS[first >> 7] + passed).astimezone(timezone(timedelta(hours=offset))).isoformat())
    except OverflowError:
        return _INVALID
