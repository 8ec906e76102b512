"""A roll-up is the same whatever order and repetition the data came in, and parts merge into it exactly."""

from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.analysis.coverage import latest
from collector.analysis.rollup import Rollup, merge, roll_up, touched
from collector.analysis.windows import HOUR, Window, window_at
from collector.observation import Observation, Series, Value

NOON = int(datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()) * 1000
TEMPERATURE = Series("air-1", "temperature")
LEVEL = Series("mic-1", "laeq", 900_000)
SPOT = Series("spot-1", "occupancy")
ONE_HOUR = Window(NOON, NOON + HOUR)

observations = st.lists(
    st.builds(
        Observation,
        st.sampled_from([TEMPERATURE, LEVEL]),
        st.integers(NOON - 30, NOON + 30).map(lambda number: NOON + (number - NOON) * HOUR // 4),
        st.floats(-1e6, 1e6),
        st.sampled_from(["", "", "suspect", "estimated", "substituted"]),
        st.sampled_from(["", "", "<", ">"]),
        derived=st.sampled_from(["", "", "implausible"]),
        known=st.integers(0, 3),
    ),
    max_size=40,
)


def reading(minute: int, value: Value, quality: str = "", censored: str = "", known: int = 0) -> Observation:
    return Observation(TEMPERATURE, NOON + minute * 60_000, value, quality, censored, known=known)


def hour_of(*several: Observation) -> Rollup:
    (found,) = roll_up("hour", several).values()
    return found


def test_the_figures_of_an_hour_by_hand() -> None:
    found = hour_of(reading(0, 4.0), reading(15, 1.0), reading(30, 1.0), reading(45, 10.0))
    assert (found.window, found.count, found.minimum, found.maximum) == (ONE_HOUR, 4, 1.0, 10.0)
    assert (found.sum, found.mean) == (16.0, 4.0)
    assert (found.first, found.last) == ((NOON, 4.0), (NOON + 45 * 60_000, 10.0))
    assert [found.percentile(percent) for percent in (0, 50, 51, 75, 76, 100)] == [1.0, 1.0, 4.0, 4.0, 10.0, 10.0]
    assert found.energy_mean is None  # no sound
    assert hour_of(reading(0, 1.0), reading(1, 2.0)).percentile(0) == 1.0


def test_a_sum_is_exact_where_adding_in_turn_is_not() -> None:
    assert hour_of(*(reading(minute, value) for minute, value in enumerate([1e16, 1.0, 1.0, -1e16]))).sum == 2.0
    assert hour_of(*(reading(minute, 0.1) for minute in range(10))).sum == 1.0


def test_a_sum_beyond_doubles_is_refused_and_the_rest_stands() -> None:
    found = hour_of(reading(0, 1.5e308), reading(1, 1.5e308))
    assert (found.count, found.maximum) == (2, 1.5e308)
    with pytest.raises(OverflowError):
        _ = found.sum


def test_sound_levels_have_an_energy_mean() -> None:
    (found,) = roll_up("hour", [Observation(LEVEL, NOON, 60.0), Observation(LEVEL, NOON - 1, 70.0)]).values()
    assert found.energy_mean == pytest.approx(67.403627, abs=1e-6)
    assert found.mean == 65.0
    assert found.window == Window(NOON - HOUR, NOON)  # both ended in the hour before noon


def test_suspect_values_stand_in_no_figure_and_are_counted() -> None:
    found = hour_of(
        reading(0, -99.0, "suspect"), reading(1, 5.0), reading(2, 6.0, "estimated"), reading(3, 2.0, "", "<")
    )
    assert (found.minimum, found.maximum, found.first) == (2.0, 6.0, (NOON + 60_000, 5.0))
    assert (found.count, found.suspect, found.estimated, found.substituted, found.censored) == (3, 1, 1, 0, 1)


def test_an_hour_of_suspect_values_has_no_figures() -> None:
    found = hour_of(reading(0, -99.0, "suspect"))
    assert (found.count, found.suspect, found.first, found.last) == (0, 1, None, None)
    assert [found.minimum, found.maximum, found.sum, found.mean, found.percentile(50)] == [None] * 5


def test_codes_are_counted_and_have_no_sum() -> None:
    states = ["free", "occupied", "free"]
    (found,) = roll_up("day", [Observation(SPOT, NOON + at, state) for at, state in enumerate(states)]).values()
    assert found.distribution == (("free", 2), ("occupied", 1))
    assert (found.count, found.first, found.last) == (3, (NOON, "free"), (NOON + 2, "free"))
    assert [found.minimum, found.sum, found.mean, found.energy_mean, found.percentile(50)] == [None] * 5


@given(observations, st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(several: list[Observation], chance: Random) -> None:
    again = several + chance.choices(several, k=10) if several else []
    chance.shuffle(again)
    assert roll_up("hour", again) == roll_up("hour", several)


@given(observations, st.randoms(use_true_random=False))
def test_a_day_is_the_merge_of_its_hours_in_any_order_and_repetition(
    several: list[Observation], chance: Random
) -> None:
    hours = list(roll_up("hour", several).values())
    for (series, day), expected in roll_up("day", several).items():
        parts = [hour for hour in hours if hour.series == series and day.begin <= hour.window.begin < day.end] * 2
        chance.shuffle(parts)
        assert merge(day, parts) == expected


@given(observations, observations)
def test_late_data_touch_the_windows_that_are_named_and_no_others(
    early: list[Observation], late: list[Observation]
) -> None:
    before, after = roll_up("day", early), roll_up("day", early + late)
    changed = {key for key, rollup in after.items() if before.get(key) != rollup}
    assert changed <= touched("day", late)
    mended = before | {key: rollup for key, rollup in after.items() if key in touched("day", late)}
    assert mended == after


@given(observations)
def test_nothing_is_lost(several: list[Observation]) -> None:
    assert sum(one.count + one.suspect for one in roll_up("month", several).values()) == len(latest(several))


def test_parts_may_begin_and_end_with_their_whole() -> None:
    quarters = list(roll_up("quarter", [reading(0, 1.0), reading(59, 3.0)]).values())
    assert merge(ONE_HOUR, quarters) == hour_of(reading(0, 1.0), reading(59, 3.0))


def test_the_newer_version_of_a_part_counts() -> None:
    old, new = hour_of(reading(0, 1.0, known=1)), hour_of(reading(0, 2.0, known=2))
    day = window_at("day", NOON)
    assert merge(day, [new, old]).sum == merge(day, [old, new]).sum == 2.0


def test_parts_that_do_not_fit_are_refused_by_name() -> None:
    day = window_at("day", NOON)
    hour, other = hour_of(reading(0, 1.0)), hour_of(reading(0, 2.0))
    (quarter,) = roll_up("quarter", [reading(0, 1.0)]).values()
    (sound,) = roll_up("hour", [Observation(LEVEL, NOON, 60.0)]).values()
    for parts, message in [
        ([], "parts: none given"),
        ([hour, other], "parts: two different roll-ups of"),
        ([hour, quarter], "overlap"),
        ([hour, sound], "parts: of several series"),
    ]:
        with pytest.raises(ValueError, match=message):
            merge(day, parts)
    with pytest.raises(ValueError, match="parts: not all lie in"):
        merge(window_at("day", 0), [hour])


@pytest.mark.parametrize(("percent", "value"), [(0, 0), (1, 1), (10, 11), (50, 59), (95, 113), (99.9, 119), (100, 119)])
def test_percentiles_are_nearest_ranks_of_measured_values(percent: float, value: int) -> None:
    # of 0 … 119, percent · 1.2 rounded up is the rank and one less the value
    seconds = [Observation(TEMPERATURE, NOON + second, float(second)) for second in range(120)]
    assert hour_of(*seconds).percentile(percent) == value


def test_a_tenth_of_a_percent_is_one_in_a_thousand() -> None:
    assert hour_of(*(Observation(TEMPERATURE, NOON + at, float(at)) for at in range(1000))).percentile(0.1) == 0.0


@pytest.mark.parametrize("percent", [-1, 100.5])
def test_there_is_no_percentile_beyond_the_whole(percent: float) -> None:
    with pytest.raises(ValueError, match="percent: expected 0 to 100"):
        hour_of(reading(0, 1.0)).percentile(percent)
