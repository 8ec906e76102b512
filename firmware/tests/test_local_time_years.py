"""Local time agrees with the time zone database, for a century of summers."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from firmware.water.local_time import night, offset_ms

KOPER = ZoneInfo("Europe/Ljubljana")
YEARS = st.datetimes(datetime(2000, 1, 1), datetime(2037, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - UTC beside


@given(YEARS)
def test_the_offset_is_that_of_the_time_zone_database(moment: datetime) -> None:
    offset = moment.astimezone(KOPER).utcoffset()
    assert offset is not None
    assert offset_ms(int(moment.timestamp() * 1000)) == offset / timedelta(milliseconds=1)


@given(YEARS)
def test_a_night_begins_at_two_and_ends_at_four_by_the_clock_on_the_wall(moment: datetime) -> None:
    utc_ms = int(moment.timestamp() * 1000)
    begun, end = (datetime.fromtimestamp(ms / 1000, KOPER) for ms in night(utc_ms))
    assert begun <= moment < begun + timedelta(hours=26)
    assert end.hour == 4
    assert begun.date() == end.date()
    assert begun.hour == 2 or (begun.month == 3 and begun.hour == 3)
    assert (begun.minute, begun.second, end.minute, end.second) == (0, 0, 0, 0)
