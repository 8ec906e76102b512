"""Means of air follow the 75 % rule, 8-hour means belong to the day in which they end, below detection is stated."""

from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.analysis.air import Mean, daily_mean, highest_8h, hourly_mean, mean_of, running_8h
from collector.analysis.windows import HOUR, Window
from collector.observation import Observation, Series, Value

MINUTE = 60_000
NO2 = Series("air-1", "no2", 5 * MINUTE)
FIRST_HOUR = Window(0, HOUR)
DAY = Window(24 * HOUR, 48 * HOUR)


def reading(minute: int, value: Value, quality: str = "", censored: str = "", known: int = 0) -> Observation:
    return Observation(NO2, minute * MINUTE, value, quality, censored, known=known)


def mean(hour: int, value: float | None) -> Mean:
    """Of the hour that begins ``hour`` hours after midnight."""
    begin = DAY.begin + hour * HOUR
    return Mean(Window(begin, begin + HOUR), value, value, value, Fraction(1), 0, is_capped=False)


def test_an_hour_needs_45_minutes() -> None:
    nine = [reading(minute, float(minute)) for minute in range(5, 50, 5)]
    found = hourly_mean(nine, FIRST_HOUR)
    assert (found.value, found.low, found.high, found.share) == (25.0, 25.0, 25.0, Fraction(3, 4))
    assert hourly_mean(nine[:8], FIRST_HOUR) == Mean(FIRST_HOUR, None, None, None, Fraction(2, 3), 0, is_capped=False)


def test_a_value_over_the_edge_counts_by_its_time_in_the_hour() -> None:
    # 1 min of 10 and 10 × 5 min of 21: (10 + 1050) / 51
    several = [reading(1, 10.0), *(reading(minute, 21.0) for minute in range(6, 56, 5))]
    assert hourly_mean(several, FIRST_HOUR).value == pytest.approx(1060 / 51)


def test_suspect_minutes_are_not_measured_and_a_correction_is() -> None:
    several = [reading(minute, 20.0) for minute in range(5, 50, 5)]
    several[0] = reading(5, 900.0, "suspect", known=1)
    assert hourly_mean(several, FIRST_HOUR).value is None
    assert hourly_mean([reading(5, 20.0, known=2), *several], FIRST_HOUR).value == 20.0


def test_below_detection_counts_half_and_says_what_hangs_on_it() -> None:
    several = [reading(minute, 4.0, censored="<") for minute in range(5, 35, 5)]
    several += [reading(minute, 10.0) for minute in range(35, 65, 5)]
    found = hourly_mean(several, FIRST_HOUR)
    assert (found.low, found.value, found.high) == pytest.approx((5.0, 6.0, 7.0))  # 0, 2 and 4 for half of the hour
    assert (found.censored, found.is_capped) == (6, False)


def test_a_value_at_an_instant_measures_no_time() -> None:
    instants = [Observation(Series("air-1", "no2"), minute * MINUTE, 20.0) for minute in range(60)]
    assert hourly_mean(instants, FIRST_HOUR, Fraction(0)).share == 0


def test_above_the_range_makes_the_mean_a_lower_bound() -> None:
    several = [reading(minute, 10.0, censored=">" if minute == 5 else "") for minute in range(5, 65, 5)]
    found = hourly_mean(several, FIRST_HOUR)
    assert (found.value, found.censored, found.is_capped) == (10.0, 1, True)


@given(
    st.lists(st.tuples(st.integers(-2, 14), st.floats(0, 500), st.sampled_from(["", "<", ">"])), max_size=20),
    st.randoms(use_true_random=False),
)
def test_a_mean_is_the_same_in_any_order_and_repetition_and_lies_between_its_bounds(
    rows: list[tuple[int, float, str]], chance: Random
) -> None:
    several = [reading(5 * at, value, censored=mark) for at, value, mark in rows]
    again = several * 2
    chance.shuffle(again)
    found = hourly_mean(several, FIRST_HOUR, Fraction(0))
    assert hourly_mean(again, FIRST_HOUR, Fraction(0)) == found
    if found.value is not None and found.low is not None and found.high is not None:
        assert found.low - 1e-9 <= found.value <= found.high + 1e-9


@pytest.mark.parametrize(("length", "needed"), [(24, 18), (23, 18), (25, 19)])
def test_a_day_needs_75_percent_of_its_hours_also_when_the_clocks_change(length: int, needed: int) -> None:
    day = Window(DAY.begin, DAY.begin + length * HOUR)
    hours = [mean(hour, float(hour)) for hour in range(length)]
    assert daily_mean(hours, day).value == (length - 1) / 2
    assert daily_mean(hours[:needed], day).value == (needed - 1) / 2
    assert daily_mean(hours[: needed - 1], day).value is None


def test_a_refused_hour_is_no_hour_and_the_same_hour_twice_is_one() -> None:
    hours = [mean(hour, 1.0) for hour in range(17)] + [mean(17, None), mean(0, 1.0)]
    assert daily_mean(hours, DAY) == Mean(DAY, None, None, None, Fraction(17, 24), 0, is_capped=False)


def test_a_mean_of_means_keeps_bounds_and_marks() -> None:
    capped = mean(1, 3.0)._replace(low=1.0, high=5.0, censored=2, is_capped=True)
    assert mean_of(DAY, [mean(0, 1.0), capped], 2) == Mean(DAY, 2.0, 1.0, 3.0, Fraction(1), 2, is_capped=True)


def test_the_first_8_hours_of_a_day_begin_at_17_of_the_day_before() -> None:
    running = running_8h([mean(hour, float(hour)) for hour in range(-24, 48)], DAY)
    assert len(running) == 24
    assert running[0].window == Window(DAY.begin - 7 * HOUR, DAY.begin + HOUR)
    assert running[0].value == -3.5  # mean of -7 … 0
    assert running[-1].window == Window(DAY.begin + 16 * HOUR, DAY.end)
    assert running[-1].value == 19.5  # mean of 16 … 23


def test_8_hours_need_6() -> None:
    six = [mean(hour, 60.0) for hour in range(6)]
    assert running_8h(six, DAY)[7].value == 60.0
    assert running_8h(six[:5], DAY)[7].value is None


def test_the_highest_8_hours_of_a_day_by_hand() -> None:
    hours = [mean(hour, 160.0 if 10 <= hour < 18 else 40.0) for hour in range(-7, 24)]
    found = highest_8h(hours, DAY)
    assert (found.value, found.share) == (160.0, 1)
    assert found.window == Window(DAY.begin + 10 * HOUR, DAY.begin + 18 * HOUR)


def test_the_highest_8_hours_need_18_of_24() -> None:
    # with hours 0 … 21 the running means from the 6th to the 24th hour stand: 19; one hour less at each end: 18, 17
    assert highest_8h([mean(hour, 1.0) for hour in range(22)], DAY).share == Fraction(19, 24)
    assert highest_8h([mean(hour, 1.0) for hour in range(1, 22)], DAY).value == 1.0
    refused = highest_8h([mean(hour, 1.0) for hour in range(2, 22)], DAY)
    assert refused == Mean(DAY, None, None, None, Fraction(17, 24), 0, is_capped=False)


def test_what_is_no_concentration_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="no2: expected a concentration, got 'bad'"):
        hourly_mean([reading(5, "bad")], FIRST_HOUR)
