"""Noise is averaged by energy, over Slovenian hours, and refused where too little was measured."""

from datetime import UTC, date, datetime
from fractions import Fraction
from math import log10

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.analysis.noise import (
    Level,
    day_window,
    energy_mean,
    evening_window,
    indicators,
    laeq,
    lden,
    night_window,
)
from collector.analysis.windows import HOUR, Window, instant
from collector.observation import Observation, Series, Value

MINUTE = 60_000
HOURLY = Series("mic-1", "laeq", HOUR)
levels = st.floats(20, 150)


def measurement(at: int, value: Value, quality: str = "", known: int = 0) -> Observation:
    return Observation(HOURLY, at, value, quality, known=known)


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def hours(since: int, until: int, level_at: dict[int, float] | float) -> list[Observation]:
    """One LAeq,1h for each hour; by the local hour at which it begins, in winter."""
    return [
        measurement(at + HOUR, level_at if isinstance(level_at, float) else level_at[(at // HOUR + 1) % 24])
        for at in range(since, until, HOUR)
    ]


def test_the_mean_of_60_and_70_db_is_67_4_and_not_65() -> None:
    # (10^6 + 10^7) / 2 = 5.5e6; 10 lg 5.5e6 = 67.4036
    assert energy_mean([(60, 1), (70, 1)]) == pytest.approx(67.403627, abs=1e-6)


def test_double_the_sources_is_3_db_and_half_the_time_is_3_db_less() -> None:
    assert energy_mean([(60, 1), (0, 1)]) == pytest.approx(60 - 10 * log10(2), abs=1e-5)


@given(st.lists(st.tuples(levels, st.integers(1, 100)), min_size=1), st.randoms())
def test_the_energy_mean_lies_between_and_knows_no_order(pairs: list[tuple[float, int]], chance: object) -> None:
    mean = energy_mean(pairs)
    assert min(level for level, _ in pairs) - 1e-9 <= mean <= max(level for level, _ in pairs) + 1e-9
    shuffled = list(pairs)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert energy_mean(shuffled) == mean


def test_an_absurd_level_overflows_nothing() -> None:
    assert energy_mean([(1e6, 1), (0, 3)]) == pytest.approx(1e6 - 10 * log10(4))


@pytest.mark.parametrize(("day", "evening", "night"), [(55, 50, 45), (60, 55, 50), (65, 60, 55), (70, 65, 60)])
def test_the_limits_of_the_decree_agree_with_the_formula(day: float, evening: float, night: float) -> None:
    assert lden(day, evening, night) == pytest.approx(day)  # source limits I to IV: Ldvn is printed equal to Ldan


def test_lden_by_hand() -> None:
    # (12·10^6 + 4·10^6 + 8·10^6) / 24 = 10^6 for 60/55/50; a night at 60 gives (12 + 4 + 80)/24 = 4 times that
    assert lden(60, 55, 60) == pytest.approx(60 + 10 * log10(4))


def test_the_hours_are_slovenian_and_local() -> None:
    summer, winter = date(2026, 7, 1), date(2026, 11, 23)
    assert day_window(summer) == Window(ms("2026-07-01T04:00"), ms("2026-07-01T16:00"))
    assert evening_window(winter) == Window(ms("2026-11-23T17:00"), ms("2026-11-23T21:00"))
    assert night_window(winter) == Window(ms("2026-11-23T21:00"), ms("2026-11-24T05:00"))


@pytest.mark.parametrize(("evening_before", "length"), [(date(2026, 3, 28), 7), (date(2026, 10, 24), 9)])
def test_the_night_of_the_change_is_shorter_or_longer(evening_before: date, length: int) -> None:
    window = night_window(evening_before)
    assert window.end - window.begin == length * HOUR


def test_a_measurement_over_the_edge_counts_with_its_share() -> None:
    window = [Window(0, 2 * HOUR)]
    both = [measurement(HOUR + 30 * MINUTE, 60.0), measurement(2 * HOUR + 30 * MINUTE, 70.0)]
    # 60 dB for 60 min, 70 dB for 30 min of the 120: (2·10^6 + 10^7)/3 = 4e6
    assert laeq(both, window) == Level(pytest.approx(10 * log10(4e6)), Fraction(3, 4), 0)


def test_under_the_least_share_a_level_is_refused() -> None:
    three, four = [Window(0, 4 * HOUR)], hours(0, 4 * HOUR, 60.0)
    assert laeq(four[:3], three).value == pytest.approx(60)
    assert laeq(four[:2], three) == Level(None, Fraction(1, 2), 0)
    assert laeq(four[:2], [Window(0, 3 * HOUR)]) == Level(None, Fraction(2, 3), 0)
    assert laeq(four[:2], three, least=Fraction(1, 2)).value == pytest.approx(60)
    assert laeq([], three, least=Fraction(0)) == Level(None, Fraction(0), 0)


def test_suspect_levels_are_counted_apart_and_are_not_measured_time() -> None:
    four = [*hours(0, 3 * HOUR, 60.0), measurement(4 * HOUR, 140.0, "suspect")]
    assert laeq(four, [Window(0, 4 * HOUR)]) == Level(pytest.approx(60), Fraction(3, 4), 1)
    assert laeq(four, [Window(0, HOUR)]) == Level(pytest.approx(60), Fraction(1), 0)


def test_a_repetition_weighs_nothing_and_a_correction_replaces() -> None:
    window = [Window(0, 2 * HOUR)]
    two = [measurement(HOUR, 60.0, known=1), measurement(2 * HOUR, 60.0, known=1)]
    corrected = measurement(2 * HOUR, 70.0, known=2)
    assert laeq([corrected, *two, *two], window).value == pytest.approx(67.403627, abs=1e-6)


@given(st.lists(st.tuples(st.integers(1, 50), levels), max_size=30), st.randoms())
def test_a_level_is_the_same_in_any_order_and_repetition(values: list[tuple[int, float]], chance: object) -> None:
    several = [measurement(at * HOUR // 2, level, known=at) for at, level in values]
    again = several + several
    chance.shuffle(again)  # type: ignore[attr-defined]
    windows = [Window(0, 10 * HOUR), Window(12 * HOUR, 20 * HOUR)]
    assert laeq(again, windows, Fraction(0)) == laeq(several, windows, Fraction(0))


def test_one_day_of_indicators_by_hand() -> None:
    day = date(2026, 11, 23)
    loudness = {hour: 60.0 if 6 <= hour < 18 else 55.0 if 18 <= hour < 22 else 50.0 for hour in range(24)}
    begin = instant(day, 0)
    found = indicators(hours(begin, begin + 30 * HOUR, loudness), begin, begin + 24 * HOUR)
    assert [found.day.value, found.evening.value, found.night.value] == pytest.approx([60, 55, 50])
    assert (found.day.share, found.evening.share, found.night.share) == (1, 1, 1)
    assert found.lden == pytest.approx(60)


def test_without_nights_there_is_no_lden() -> None:
    day = date(2026, 11, 23)
    begin = instant(day, 0)
    found = indicators(hours(begin, begin + 22 * HOUR, 60.0), begin, begin + 24 * HOUR)
    assert found.day.value == pytest.approx(60)
    assert found.night == Level(None, Fraction(0), 0)
    assert found.lden is None


def test_a_day_that_begins_before_the_time_asked_for_is_left_out() -> None:
    begin = instant(date(2026, 11, 23), 0)
    readings = hours(begin, begin + 60 * HOUR, 60.0)
    assert indicators(readings, begin + 1, begin + 25 * HOUR).day == Level(pytest.approx(60), Fraction(1), 0)
    assert indicators(readings, begin + 1, begin + 24 * HOUR).day == Level(None, Fraction(0), 0)


def test_what_is_no_level_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="laeq: expected a level in dB, got 'loud'"):
        laeq([measurement(HOUR, "loud")], [Window(0, HOUR)])
