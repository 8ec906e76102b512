"""Local time follows the clocks of Slovenia, on the days of 23 and of 25 hours too. Runs on both interpreters."""

from firmware.water.local_time import DAY_MS, HOUR_MS, night, offset_ms

# ms UTC of 2026-03-29T00:00Z and 2026-10-25T00:00Z, the days on which the clocks change
SPRING, AUTUMN = 1774742400000, 1792886400000


def test_summer_begins_and_ends_at_one_o_clock_utc():
    assert offset_ms(SPRING + HOUR_MS - 1) == HOUR_MS
    assert offset_ms(SPRING + HOUR_MS) == 2 * HOUR_MS
    assert offset_ms(AUTUMN + HOUR_MS - 1) == 2 * HOUR_MS
    assert offset_ms(AUTUMN + HOUR_MS) == HOUR_MS
    assert offset_ms(1767225600000) == HOUR_MS  # 2026-01-01T00:00Z
    assert offset_ms(1798761599999) == HOUR_MS  # the last ms of 2026
    assert offset_ms(4102444800000) == HOUR_MS  # 2100-01-01, after a leap year that is none


def test_a_night_is_two_hours_of_local_time():
    assert night(SPRING - DAY_MS + 5 * HOUR_MS) == (SPRING - DAY_MS + HOUR_MS, SPRING - DAY_MS + 3 * HOUR_MS)
    july = SPRING + 100 * DAY_MS
    assert night(july + 5 * HOUR_MS) == (july, july + 2 * HOUR_MS)


def test_the_night_is_the_last_one_that_has_begun():
    july = SPRING + 100 * DAY_MS
    assert night(july) == (july, july + 2 * HOUR_MS)
    assert night(july - 1) == (july - DAY_MS, july - DAY_MS + 2 * HOUR_MS)
    assert night(july + 22 * HOUR_MS) == (july, july + 2 * HOUR_MS)


def test_the_night_on_which_summer_begins_has_one_hour():
    assert night(SPRING + 12 * HOUR_MS) == (SPRING + HOUR_MS, SPRING + 2 * HOUR_MS)


def test_the_night_on_which_summer_ends_has_three_hours():
    assert night(AUTUMN + 12 * HOUR_MS) == (AUTUMN, AUTUMN + 3 * HOUR_MS)
    assert night(AUTUMN + HOUR_MS + 1) == (AUTUMN, AUTUMN + 3 * HOUR_MS)
