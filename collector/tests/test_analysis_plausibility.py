"""Checks mark and never drop: a jump, a value that stands still, a clock that is off."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.analysis.plausibility import Mark, clock_skew, derived, rate_of_change, slow_clock, stuck
from collector.analysis.windows import HOUR
from collector.observation import Observation, Series, Value

TEMPERATURE = Series("air-1", "temperature")
MINUTE = 60_000


def reading(minute: int, value: Value, known: int = 0) -> Observation:
    return Observation(TEMPERATURE, minute * MINUTE, value, known=known)


@pytest.mark.parametrize(
    ("value", "mark"), [(25.0, ""), (25.1, "implausible"), (15.0, ""), (14.9, "implausible"), (20.0, "")]
)
def test_faster_than_10_degrees_an_hour_is_implausible(value: float, mark: Mark) -> None:
    assert rate_of_change(reading(90, 20.0), reading(120, value), most_per_hour=10) == mark


def test_a_step_of_the_sensor_is_never_too_fast() -> None:
    assert rate_of_change(reading(0, 20.0), reading(0, 20.5), most_per_hour=10, step=0.5) == ""
    assert rate_of_change(reading(0, 20.0), reading(0, 20.6), most_per_hour=10, step=0.5) == "implausible"


@pytest.mark.parametrize(("quantity", "old", "new"), [("occupancy", "free", "occupied"), ("water_flags", 0, 4)])
def test_codes_and_flags_have_no_rate(quantity: str, old: Value, new: Value) -> None:
    before, one = (Observation(Series("one", quantity), at, value) for at, value in enumerate((old, new)))
    assert rate_of_change(before, one, most_per_hour=0) == ""


def test_a_number_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match=r"temperature: expected numbers, got .* and 'warm'"):
        rate_of_change(reading(0, 20.0), reading(1, "warm"), most_per_hour=1)


@given(st.integers(0, 100), st.floats(-50, 50), st.integers(0, 100), st.floats(-50, 50))
def test_a_jump_is_a_jump_in_both_directions(first: int, low: float, second: int, high: float) -> None:
    there = rate_of_change(reading(first, low), reading(second, high), most_per_hour=5)
    assert there == rate_of_change(reading(first, high), reading(second, low), most_per_hour=5)


def test_a_value_that_never_moves_is_stuck_after_the_stated_time() -> None:
    still = [reading(minute, 21.5) for minute in range(0, 70, 10)]
    assert stuck(still, longest=HOUR) == ""  # exactly an hour is not more than an hour
    assert stuck([*still, reading(70, 21.5)], longest=HOUR) == "implausible"
    assert stuck([*still, reading(70, 21.6)], longest=HOUR) == ""
    assert stuck([*still, reading(35, 21.6), reading(70, 21.5)], longest=HOUR) == ""


def test_a_corrected_history_is_judged_by_its_correction() -> None:
    still = [reading(minute, 21.5, known=1) for minute in range(0, 80, 10)]
    assert stuck([reading(40, 21.7, known=2), *still], longest=HOUR) == ""


def test_few_observations_prove_nothing_and_a_resting_value_may_stay() -> None:
    assert stuck([reading(0, 21.5), reading(600, 21.5)], longest=HOUR) == ""
    assert stuck([reading(0, 21.5), reading(600, 21.5)], longest=HOUR, least=2) == "implausible"
    assert stuck([reading(0, 21.5), reading(300, 21.5), reading(600, 21.5)], longest=HOUR) == "implausible"
    assert stuck([reading(minute, 0.0) for minute in range(100)], longest=HOUR, resting=(0.0,)) == ""
    assert stuck([], longest=HOUR) == ""


def test_a_reading_from_the_future_is_skewed_and_a_late_one_is_not() -> None:
    assert clock_skew(at=60_001, received=0, ahead=60_000) == "skewed"
    assert clock_skew(at=60_000, received=0, ahead=60_000) == ""
    assert clock_skew(at=0, received=10 * HOUR, ahead=60_000) == ""


def test_a_clock_that_is_always_behind_is_skewed_and_an_outage_is_not() -> None:
    assert slow_clock([130_000] * 20, behind=120_000) == "skewed"
    assert slow_clock([10 * HOUR] * 10 + [500] * 10, behind=120_000) == ""
    assert slow_clock([130_000] * 19, behind=120_000) == ""
    assert slow_clock([120_000] * 20, behind=120_000) == ""
    assert slow_clock([120_001], behind=120_000, least=0) == "skewed"
    assert slow_clock([], behind=120_000, least=0) == ""


def test_marks_are_written_as_an_observation_writes_them() -> None:
    assert derived("", "") == ""
    assert derived("skewed", "", "implausible", "skewed") == "implausible skewed"
    assert Observation(TEMPERATURE, 0, 1.0, derived=derived("skewed")).judged == "suspect"
