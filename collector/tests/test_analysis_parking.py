"""A state holds until the next, unknown time is counted apart, and a vehicle counts once."""

from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.analysis.parking import Stay, Use, stays, turnover, use
from collector.analysis.windows import HOUR, Window
from collector.observation import Observation, Series, Value

SPOT = Series("spot-1", "occupancy")
HOURS = [Window(hour * HOUR, (hour + 1) * HOUR) for hour in range(4)]
END = 4 * HOUR


def event(hour: float, state: Value, quality: str = "", known: int = 0) -> Observation:
    return Observation(SPOT, int(hour * HOUR), state, quality, known=known)


def uses(*events: Observation, until: int = END, silence: int | None = None) -> list[Use]:
    return use(stays(events, until, silence), HOURS, until)


def arrivals(*states: str) -> int:
    return sum(one.arrivals for one in uses(*(event(at / 10, state) for at, state in enumerate(states))))


def test_a_state_holds_until_the_next_over_the_edges_of_windows() -> None:
    found = uses(event(0, "free"), event(0.75, "occupied"), event(2.5, "free"))
    assert [one.occupancy for one in found] == [Fraction(1, 4), 1, Fraction(1, 2), 0]
    assert [one.arrivals for one in found] == [1, 0, 0, 0]
    assert [one.known for one in found] == [1, 1, 1, 1]


def test_time_before_the_first_event_is_unknown() -> None:
    found = uses(event(1.5, "occupied"))
    assert found[0] == Use(HOURS[0], 0, 0, 0, HOUR, 0)
    assert (found[0].occupancy, found[0].known) == (None, 0)
    assert (found[1].occupancy, found[1].known) == (1, Fraction(1, 2))


def test_unknown_closed_and_suspect_time_is_no_part_of_the_share() -> None:
    found = uses(
        event(0, "occupied"),
        event(0.5, "unknown"),
        event(1, "closed"),
        event(2, "free"),
        event(2.25, "occupied", "suspect"),
    )
    assert found[0] == Use(HOURS[0], HOUR // 2, 0, 0, HOUR // 2, 0)
    assert (found[0].occupancy, found[1].occupancy, found[1].closed) == (1, None, HOUR)
    assert [one.known for one in found] == [Fraction(1, 2), 1, Fraction(1, 4), 0]
    assert found[2] == Use(HOURS[2], 0, HOUR // 4, 0, 3 * HOUR // 4, 0)


def test_a_window_that_is_not_over_counts_up_to_now() -> None:
    found = uses(event(0, "free"), event(2.5, "occupied"), until=int(2.75 * HOUR))
    assert found[2] == Use(HOURS[2], HOUR // 4, HOUR // 2, 0, 0, 1)
    assert found[3] == Use(HOURS[3], 0, 0, 0, 0, 0)
    assert found[3].known == 0


def test_what_comes_later_is_not_known_yet() -> None:
    assert stays([event(0, "free"), event(1, "occupied")], until=HOUR) == [Stay(0, HOUR, "free", is_arrival=False)]


def test_a_spot_that_is_silent_for_too_long_is_unknown() -> None:
    found = stays([event(0, "free"), event(0.5, "occupied"), event(1, "occupied")], END, silence=HOUR)
    assert found == [
        Stay(0, HOUR // 2, "free", is_arrival=False),
        Stay(HOUR // 2, 2 * HOUR, "occupied", is_arrival=True),
        Stay(2 * HOUR, END, "unknown", is_arrival=False),
    ]


def test_a_vehicle_counts_once_and_one_that_was_there_from_the_beginning_not_at_all() -> None:
    assert arrivals("occupied", "occupied") == 0
    assert arrivals("free", "occupied", "occupied") == 1
    assert arrivals("free", "occupied", "free", "occupied") == 2
    assert arrivals("closed", "occupied") == 1
    assert arrivals("free", "unknown", "occupied") == 1
    assert arrivals("free", "occupied", "unknown", "occupied") == 1


def test_a_correction_replaces_the_event() -> None:
    found = uses(event(0, "free", known=2), event(0, "occupied", known=1))
    assert [one.occupancy for one in found] == [0, 0, 0, 0]


def test_turnover_is_vehicles_per_spot() -> None:
    first = uses(event(0, "free"), event(1, "occupied"), event(2, "free"), event(3, "occupied"))
    second = uses(event(0, "free"), event(1, "occupied"))
    assert turnover([*first, *second], 2) == Fraction(3, 2)


@pytest.mark.parametrize("value", ["half", 1.0])
def test_what_is_no_state_is_refused_by_name(value: Value) -> None:
    with pytest.raises(ValueError, match="occupancy: expected free, occupied, closed or unknown, got"):
        uses(event(0, value))


@given(
    st.lists(
        st.tuples(
            st.integers(-10, 50),
            st.sampled_from(["free", "occupied", "closed", "unknown"]),
            st.sampled_from(["", "suspect"]),
        ),
        unique_by=lambda row: row[0],
        max_size=20,
    ),
    st.integers(0, 50),
    st.one_of(st.none(), st.integers(1, 20)),
    st.randoms(use_true_random=False),
)
def test_every_millisecond_is_in_one_state_in_any_order_and_repetition(
    rows: list[tuple[int, str, str]], until: int, silence: int | None, chance: Random
) -> None:
    events = [Observation(SPOT, at, state, quality) for at, state, quality in rows]
    windows = [Window(begin, begin + 10) for begin in range(0, 40, 10)]
    found = use(stays(events, until, silence), windows, until)
    for one in found:
        assert one.occupied + one.free + one.closed + one.unknown == max(
            0, min(one.window.end, until) - one.window.begin
        )
    ordered = sorted(rows)
    for ms in range(min(until, 40)):  # counted one by one
        before = [row for row in ordered if row[0] <= ms]
        is_heard = bool(before) and (silence is None or ms < before[-1][0] + silence)
        state = before[-1][1] if is_heard and not before[-1][2] else "unknown"
        (now,) = use(stays(events, until, silence), [Window(ms, ms + 1)], until)
        assert (now.occupied, now.free, now.closed, now.unknown) == tuple(
            int(state == name) for name in ("occupied", "free", "closed", "unknown")
        )
    again = events * 2
    chance.shuffle(again)
    assert use(stays(again, until, silence), windows, until) == found
