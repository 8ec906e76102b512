"""Windows tile time, and the days on which the clocks change have 23 and 25 hours."""

from datetime import UTC, date, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.analysis.windows import (
    AFTER,
    FIRST,
    HOUR,
    ZONE,
    Size,
    Window,
    instant,
    local_date,
    local_hour,
    window_at,
    window_of,
    windows_between,
)

SIZES: tuple[Size, ...] = ("quarter", "hour", "day", "month", "year")
instants = st.integers(0, 7_258_118_400_000)  # until 2200


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


@given(st.sampled_from(SIZES), instants)
def test_a_window_holds_its_instant_and_both_ends_lead_to_the_neighbours(size: Size, at: int) -> None:
    window = window_at(size, at)
    assert window.begin <= at < window.end
    assert window_at(size, window.begin) == window_at(size, window.end - 1) == window
    assert window_at(size, window.end).begin == window.end


@given(st.sampled_from(SIZES), instants, st.integers(0, 400 * 24 * HOUR))
def test_windows_tile_time_without_gap_or_overlap(size: Size, since: int, length: int) -> None:
    length = min(length, 3 * 24 * HOUR) if size in ("quarter", "hour") else length
    several = list(windows_between(size, since, since + length))
    assert all(one.end == other.begin for one, other in pairwise(several))
    if length:
        assert several[0].begin <= since < several[0].end
        assert several[-1].begin < since + length <= several[-1].end
    else:
        assert several == []


@given(instants, st.sampled_from(SIZES[2:]))
def test_days_months_and_years_begin_at_local_midnight(at: int, size: Size) -> None:
    begin = datetime.fromtimestamp(window_at(size, at).begin / 1000, ZONE)
    assert (begin.hour, begin.minute, begin.second) == (0, 0, 0)
    assert size == "day" or begin.day == 1
    assert size != "year" or begin.month == 1


@given(instants)
def test_every_window_is_made_of_whole_smaller_ones(at: int) -> None:
    for small, large in pairwise(SIZES[:4]):
        window = window_at(large, at)
        parts = list(windows_between(small, *window))
        assert (parts[0].begin, parts[-1].end) == window


def test_the_day_in_march_has_23_hours() -> None:
    day = window_at("day", ms("2026-03-29T12:00"))
    assert day == Window(ms("2026-03-28T23:00"), ms("2026-03-29T22:00"))
    assert [local_hour(hour.begin) for hour in windows_between("hour", *day)] == [0, 1, *range(3, 24)]
    assert len(list(windows_between("quarter", *day))) == 92


def test_the_day_in_october_has_25_hours_and_its_second_hour_comes_twice() -> None:
    day = window_at("day", ms("2026-10-25T12:00"))
    assert day == Window(ms("2026-10-24T22:00"), ms("2026-10-25T23:00"))
    assert [local_hour(hour.begin) for hour in windows_between("hour", *day)] == [0, 1, 2, 2, *range(3, 24)]
    assert len(list(windows_between("quarter", *day))) == 100


def test_a_month_with_a_change_of_clocks_is_an_hour_short_or_long() -> None:
    march = window_at("month", ms("2026-03-15T00:00"))
    october = window_at("month", ms("2026-10-15T00:00"))
    assert march == Window(ms("2026-02-28T23:00"), ms("2026-03-31T22:00"))
    assert (march.end - march.begin) // HOUR == 31 * 24 - 1
    assert (october.end - october.begin) // HOUR == 31 * 24 + 1
    assert window_at("year", ms("2026-12-31T23:00")) == Window(ms("2026-12-31T23:00"), ms("2027-12-31T23:00"))


def test_what_lasted_until_noon_belongs_before_noon_and_what_is_at_noon_after_it() -> None:
    noon = ms("2026-11-23T12:00")
    assert window_of("hour", noon, 900_000) == Window(noon - HOUR, noon)
    assert window_of("hour", noon, 0) == Window(noon, noon + HOUR)
    assert window_of("hour", noon + 1, 900_000) == Window(noon, noon + HOUR)


def test_full_hours_by_name() -> None:
    assert instant(date(2026, 3, 29), 3) == instant(date(2026, 3, 29), 2) == ms("2026-03-29T01:00")
    assert instant(date(2026, 10, 25), 2) == ms("2026-10-25T00:00")
    assert instant(date(2026, 10, 25), 3) == ms("2026-10-25T02:00")
    assert instant(date(2026, 12, 31), 24) == ms("2026-12-31T23:00")
    assert local_date(ms("2026-12-31T23:00")) == date(2027, 1, 1)


@pytest.mark.parametrize("at", [FIRST - 1, AFTER])
def test_time_outside_the_calendar_is_refused(at: int) -> None:
    with pytest.raises(ValueError, match="at: no calendar window holds"):
        window_at("day", at)


def test_the_first_and_the_last_year_of_the_calendar_are_whole() -> None:
    assert window_at("year", FIRST).begin == FIRST
    assert window_at("year", AFTER - 1).end == AFTER
