"""Consumption is right across roll-over, exchange, reset and reverse flow, and a real reading replaces an estimate."""

from fractions import Fraction
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.analysis.consumption import per_window
from collector.analysis.counters import Exchange, Meter, Step, stale, steps
from collector.analysis.windows import HOUR, Window
from collector.observation import Observation, Series, Value

WATER = Series("wm-06855817", "water_volume")
METER = Meter(Fraction(5))
HOURS = [Window(hour * HOUR, (hour + 1) * HOUR) for hour in range(24)]


def index(hour: float, value: Value, quality: str = "", source: str = "", known: int = 0) -> Observation:
    return Observation(WATER, int(hour * HOUR), value, quality, source=source, known=known)


def amounts(several: list[Observation], meter: Meter = METER, *exchanges: Exchange) -> list[tuple[float, str, bool]]:
    return [(float(one.amount), one.event, one.estimated) for one in steps(several, meter, exchanges)]


def test_differences_are_those_of_the_decimal_numbers() -> None:
    assert [one.amount for one in steps([index(0, 540.2), index(1, 541.08)], METER)] == [Fraction("0.88")]
    assert 541.08 - 540.2 != 0.88  # doubles would have said


def test_a_roll_over_counts_through_zero() -> None:
    meter = Meter(Fraction(5), modulus=Fraction(100_000))
    assert amounts([index(0, 99999.5), index(1, 0.25), index(2, 1.25)], meter) == [
        (0.75, "rolled over", False),
        (1.0, "", False),
    ]


def test_without_a_known_modulus_no_roll_over_is_assumed() -> None:
    assert amounts([index(0, 99999.5), index(1, 0.25)]) == [(0.25, "reset", True)]


def test_more_than_can_pass_is_no_roll_over() -> None:
    meter = Meter(Fraction(5), modulus=Fraction(100_000))
    assert amounts([index(0, 99990.0), index(1, 3.0)], meter) == [(3.0, "reset", True)]


def test_reverse_flow_subtracts_only_at_a_meter_that_runs_back() -> None:
    back = Meter(Fraction(5), modulus=Fraction(100_000), most_back_per_hour=Fraction(1))
    assert amounts([index(0, 10.0), index(1, 9.5)], back) == [(-0.5, "reverse", False)]
    assert amounts([index(0, 0.25), index(1, 99999.75)], back) == [(-0.5, "reverse", False)]
    assert amounts([index(0, 10.0), index(1, 4.5)]) == [(4.5, "reset", True)]


def test_a_jump_that_nothing_explains_is_kept_and_marked_and_sums_to_nothing_there_and_back() -> None:
    found = amounts([index(0, 100.0), index(1, 5000.0), index(2, 101.0)])
    assert found == [(4900.0, "implausible", True), (-4899.0, "implausible", True)]


EDGES = Meter(Fraction(5), modulus=Fraction(1000), most_back_per_hour=Fraction(1), interval=2 * HOUR)


@pytest.mark.parametrize(
    ("before", "after", "amount", "event"),
    [
        (100.0, 100.0, 0.0, ""),
        (100.0, 110.0, 10.0, ""),
        (100.0, 110.001, 10.001, "implausible"),
        (100.0, 98.0, -2.0, "reverse"),
        (100.0, 97.999, -2.001, "implausible"),
        (30.0, 9.999, 9.999, "reset"),
        (30.0, 10.0, 10.0, "reset"),
        (30.0, 10.001, -19.999, "implausible"),
        (12.5, 10.0, -2.5, "implausible"),
        (995.0, 5.0, 10.0, "rolled over"),
        (995.0, 5.001, 5.001, "reset"),
        (1000.0, 0.0, 0.0, "rolled over"),
        (1.0, 999.0, -2.0, "reverse"),
        (1.0, 998.999, 997.999, "implausible"),
        (0.0, 1000.0, 1000.0, "implausible"),
    ],
)
def test_what_explains_a_change_in_two_hours_at_5_forward_and_1_back(
    before: float, after: float, amount: float, event: str
) -> None:
    assert amounts([index(3, before), index(5, after)], EDGES) == [(amount, event, event in ("reset", "implausible"))]


def test_a_meter_runs_back_only_where_that_is_said_and_through_zero_only_with_a_modulus() -> None:
    assert amounts([index(0, 20.0), index(1, 19.5)]) == [(-0.5, "implausible", True)]
    assert amounts([index(0, 20.0), index(1, 20.7)], Meter(Fraction("0.5"))) == [(0.7, "implausible", True)]
    back = Meter(Fraction(5), most_back_per_hour=Fraction(1))
    assert amounts([index(0, 0.0), index(1, 6.0)], back) == [(6.0, "implausible", True)]


@pytest.mark.parametrize(("hours", "is_estimated"), [(2, False), (2.001, True)])
def test_readings_up_to_twice_the_interval_apart_leave_no_gap(hours: float, is_estimated: bool) -> None:
    assert amounts([index(0, 10.0), index(hours, 11.0)]) == [(1.0, "", is_estimated)]


def test_what_a_late_reading_makes_stale_by_hand() -> None:
    assert stale([10, 20, 30, 40, 50, 60], 35) == Window(20, 50)
    assert stale([10, 20, 30, 40, 50, 60], 30) == Window(10, 50)
    assert stale([10, 20], 25) == Window(10, 25)
    assert stale([], 25) == Window(25, 25)


def test_an_exchange_on_record_is_exact() -> None:
    record = Exchange(int(1.5 * HOUR), final=Fraction(102), initial=Fraction(7))
    several = [index(0, 100.0, source="old"), index(1, 101.0, source="old"), index(2, 9.0, source="new")]
    assert amounts(several, METER, record) == [(1.0, "", False), (1.0, "", False), (2.0, "exchanged", False)]


def test_a_meter_that_stood_still_after_a_recorded_exchange_is_no_estimate_of_its_neighbours() -> None:
    record = Exchange(HOUR, final=Fraction(101), initial=Fraction(0))
    found = amounts([index(0, 100.0), index(9, 0.0), index(10, 1.0)], METER, record)
    assert found == [(1.0, "", False), (0.0, "exchanged", True), (1.0, "", False)]


def test_a_record_replaces_the_reading_of_its_instant() -> None:
    record = Exchange(HOUR, final=Fraction(101), initial=Fraction(0))
    assert amounts([index(0, 100.0), index(1, 55.0), index(2, 2.0)], METER, record) == [
        (1.0, "", False),
        (2.0, "exchanged", False),
    ]


def test_an_exchange_without_record_is_estimated_from_the_steps_beside_it() -> None:
    several = [
        index(0, 100.0, source="old"),
        index(1, 101.0, source="old"),
        index(3, 40.0, source="new"),
        index(4, 43.0, source="new"),
    ]
    # 1 m3/h before and 3 m3/h after: 2 m3/h for two hours
    assert amounts(several) == [(1.0, "", False), (4.0, "exchanged unread", True), (3.0, "", False)]


def test_an_exchange_with_nothing_beside_it_adds_nothing_and_says_so() -> None:
    assert amounts([index(0, 100.0, source="old"), index(1, 40.0, source="new")]) == [(0.0, "exchanged unread", True)]


def test_a_gap_is_estimated_linearly_and_the_real_reading_replaces_it() -> None:
    gap = [index(0, 10.0), index(1, 11.0), index(5, 19.0)]
    before = per_window(steps(gap, METER), HOURS[:5])
    assert [(float(one.amount), float(one.estimated)) for one in before] == [(1, 0), (2, 2), (2, 2), (2, 2), (2, 2)]
    after = per_window(steps([*gap, index(3, 12.0)], METER), HOURS[:5])  # up to twice the interval is no gap
    assert [(float(one.amount), one.bridged) for one in after] == [(1, 0), (0.5, 0), (0.5, 0), (3.5, 0), (3.5, 0)]
    assert sum(one.amount for one in before) == sum(one.amount for one in after) == 9


def test_an_estimated_reading_makes_estimates_and_its_correction_ends_them() -> None:
    first = [index(0, 10.0), index(1, 11.5, "estimated", known=1), index(2, 12.0)]
    assert amounts(first) == [(1.5, "", True), (0.5, "", True)]
    assert amounts([index(1, 11.0, known=2), *first]) == [(1.0, "", False), (1.0, "", False)]


def test_a_suspect_reading_is_left_out_and_the_next_closes_the_gap() -> None:
    assert amounts([index(0, 10.0), index(1, 0.0, "suspect"), index(2, 12.0)]) == [(2.0, "", False)]


def test_an_hour_covered_in_part_says_how_much() -> None:
    (found,) = per_window(steps([index(0.5, 10.0), index(0.75, 10.25)], METER), HOURS[:1])
    assert (found.amount, found.covered, found.bridged) == (Fraction(1, 4), HOUR // 4, 0)


def test_one_reading_is_no_consumption() -> None:
    assert steps([index(0, 10.0)], METER) == []
    assert per_window([], HOURS[:1]) == [(HOURS[0], 0, 0, 0, 0)]


def test_what_is_no_index_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="water_volume: expected an index, got 'full'"):
        steps([index(0, "full")], METER)


quantities = st.lists(
    st.tuples(st.integers(1, 23 * 60), st.integers(0, 3000)), min_size=2, max_size=15, unique_by=lambda pair: pair[0]
)


@given(quantities, st.integers(0, 99_999_999), st.randoms(use_true_random=False))
def test_windows_sum_exactly_to_the_difference_of_the_indexes(
    given_: list[tuple[int, int]], start: int, chance: Random
) -> None:
    """Any readings of a meter that counts litres and shows 100,000 m3 at most, in any order and repetition."""
    modulus, shown, truth, several = 100_000_000, start, 0, []
    for minute, litres in sorted(given_):
        truth += litres if several else 0
        shown = (start + truth) % modulus
        several.append(index(minute / 60, shown / 1000))
    meter = Meter(Fraction(180), modulus=Fraction(100_000))
    again = several * 2
    chance.shuffle(again)
    consumed = per_window(steps(again, meter), HOURS)
    assert sum(one.amount for one in consumed) == Fraction(truth, 1000)
    assert sum(one.covered for one in consumed) == several[-1].at - several[0].at


sourced = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 9), st.sampled_from(["", "old", "new"])),
    min_size=3,
    max_size=12,
    unique_by=lambda row: row[0],
)


@given(sourced, st.data())
def test_a_late_reading_changes_only_the_time_that_is_named(
    rows: list[tuple[int, int, str]], data: st.DataObject
) -> None:
    several = [index(quarter / 4, float(value), source=source) for quarter, value, source in rows]
    late = data.draw(st.sampled_from(several))
    early = [one for one in several if one != late]
    named = stale(sorted(one.at for one in early), late.at)
    outside = [
        {one for one in steps(some, METER) if one.end <= named.begin or one.begin >= named.end}
        for some in (early, several)
    ]
    assert outside[0] == outside[1]


@given(quantities)
def test_steps_follow_one_another(rows: list[tuple[int, int]]) -> None:
    found: list[Step] = steps([index(minute / 60, float(value)) for minute, value in rows], METER)
    assert all(one.end == other.begin for one, other in pairwise(found))


NOTHING_KNOWN = Meter(None)


def test_of_a_meter_of_which_nothing_is_known_a_litre_backwards_is_no_reset_and_no_roll_over() -> None:
    shown = [index(0, 4321.1), index(1, 4321.2), index(2, 4321.199), index(3, 4321.3)]
    for meter in (NOTHING_KNOWN, Meter(None, modulus=Fraction(100_000))):
        found = steps(shown, meter)
        assert sum(one.amount for one in found) == Fraction("0.2")
        assert [one.event for one in found] == ["", "implausible", ""]


def test_a_small_fall_is_no_reset_however_long_nothing_was_read() -> None:
    assert amounts([index(0, 4321.2), index(2400, 4321.199)]) == [(-0.001, "implausible", True)]


def test_of_a_meter_of_which_nothing_is_known_it_begins_again_where_it_falls_by_half() -> None:
    assert amounts([index(0, 11.0), index(1, 0.5)], NOTHING_KNOWN) == [(0.5, "reset", True)]
    assert amounts([index(0, 11.0), index(1, 5000.0)], NOTHING_KNOWN) == [(4989.0, "", False)]


def exchanged(hour: float, *, has_sources: bool) -> list[Observation]:
    """A meter that shows 0.2 more each hour, exchanged at half past six: 999.9 taken off, 0.1 put on."""
    of_old, of_new = ("old", "new") if has_sources else ("", "")
    old = [index(at, round(998.6 + 0.2 * at, 1), source=of_old) for at in range(7)]
    new = [index(at, round(0.1 + 0.2 * (at - 6.5), 1), source=of_new) for at in range(7, 13)]
    return [one for one in (*old, *new) if one.at != hour * HOUR]


@pytest.mark.parametrize("has_sources", [True, False])
@pytest.mark.parametrize("minutes", [-300, -70, -60, -20, 0, 20, 30, 60, 200])
@pytest.mark.parametrize("meter", [METER, NOTHING_KNOWN, Meter(Fraction(5), modulus=Fraction(1000))])
def test_the_record_of_an_exchange_may_be_hours_off(meter: Meter, minutes: int, *, has_sources: bool) -> None:
    at = round(6.5 * HOUR) + minutes * 60_000
    found = steps(
        exchanged(at / HOUR, has_sources=has_sources), meter, [Exchange(at, Fraction("999.9"), Fraction("0.1"))]
    )
    assert sum(one.amount for one in found) == Fraction("2.4")
    assert not {"reset", "implausible", "rolled over", "exchanged unread"} & {one.event for one in found}


def test_of_two_exchanges_each_is_found_where_it_is() -> None:
    shown = [(0, 50.0), (1, 51.0), (2, 1.0), (3, 2.0), (4, 0.5), (5, 1.5)]
    records = [Exchange(round(at * HOUR), Fraction(final), Fraction(0)) for at, final in ((0.7, "51.5"), (4.2, "2.5"))]
    found = steps([index(hour, value) for hour, value in shown], METER, records)
    assert sum(one.amount for one in found) == Fraction("51.5") - 50 + Fraction("2.5") + Fraction("1.5")


def test_a_record_before_the_first_reading_says_nothing() -> None:
    """What was read before it is gone, or erased, and must not come back."""
    record = Exchange(0, Fraction(100), Fraction(1))
    assert steps([], METER, [record]) == []
    assert amounts([index(5, 3.0), index(6, 4.0)], METER, record) == [(1.0, "", False)]
