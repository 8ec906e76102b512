"""What time is it in Koper, and when is its night? Integers only; the rules of the European Union.

Central European Time is one hour ahead of UTC, and two from the last Sunday of March, 01:00 UTC, to the last Sunday of
October, 01:00 UTC (Directive 2000/84/EC).
"""

HOUR_MS = 3600000
DAY_MS = 24 * HOUR_MS
_NIGHT = 2, 4  # o'clock


def offset_ms(utc_ms: int) -> int:
    """How far local time is ahead of UTC."""
    year = 1970 + utc_ms * 400 // (146097 * DAY_MS)
    while utc_ms < _first_day(year) * DAY_MS:
        year -= 1
    while utc_ms >= _first_day(year + 1) * DAY_MS:
        year += 1
    march, october = _first_day(year) + _leap(year) + 89, _first_day(year) + _leap(year) + 303  # their 31st
    begins, ends = (day - (day + 4) % 7 for day in (march, october))  # 1970-01-01 was a Thursday
    is_summer = begins * DAY_MS + HOUR_MS <= utc_ms < ends * DAY_MS + HOUR_MS
    return 2 * HOUR_MS if is_summer else HOUR_MS


def night(utc_ms: int) -> tuple:
    """(begin, end) in UTC ms of the latest 02:00 to 04:00, local time, that has begun: one, two or three hours."""
    day = (utc_ms + offset_ms(utc_ms)) // DAY_MS
    if utc_ms < _utc(day, _NIGHT[0]):
        day -= 1
    return _utc(day, _NIGHT[0]), _utc(day, _NIGHT[1])


def _utc(day: int, hour: int) -> int:
    """A local hour; of two the first, and of none (02:00 in March) the moment at which it is skipped."""
    local = day * DAY_MS + hour * HOUR_MS
    summer = local - 2 * HOUR_MS
    return summer if offset_ms(summer) == 2 * HOUR_MS else local - HOUR_MS


def _first_day(year: int) -> int:
    """Days from 1970-01-01 to the first of January."""
    before = year - 1
    return 365 * (year - 1970) + before // 4 - before // 100 + before // 400 - 477


def _leap(year: int) -> int:
    return int(year % 4 == 0 and (year % 100 != 0 or year % 400 == 0))
