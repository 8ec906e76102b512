"""The lowest flow of a night is local, exact, and never read out of an estimate."""

from datetime import UTC, date, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.analysis.counters import Meter, steps
from collector.analysis.water import NightFlow, lowest_of_flow, lowest_of_index, net_night_flow, night
from collector.analysis.windows import HOUR, QUARTER, Window
from collector.observation import Observation, Series, Value

DAY = date(2026, 11, 23)
NIGHT = night(DAY)
INFLOW = Series("dma-1", "water_volume")
FLOW = Series("dma-1", "water_flow", QUARTER)
METER = Meter(Fraction(100), interval=QUARTER)


def indexes(*flows: float) -> list[Observation]:
    """The index at each quarter of the night after these flows in m3/h, one for each quarter from 2:00 on."""
    shown = [1000.0]
    for flow in flows:
        shown.append(shown[-1] + flow / 4)
    return [Observation(INFLOW, NIGHT.begin + at * QUARTER, value) for at, value in enumerate(shown)]


def flow(quarter: int, value: Value, quality: str = "") -> Observation:
    """The mean of the quarter that begins ``quarter`` quarters after 2:00."""
    return Observation(FLOW, NIGHT.begin + (quarter + 1) * QUARTER, value, quality)


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def test_the_night_is_from_2_to_4_on_the_clock() -> None:
    assert night(DAY) == Window(ms("2026-11-23T01:00"), ms("2026-11-23T03:00"))
    assert night(date(2026, 7, 1)) == Window(ms("2026-07-01T00:00"), ms("2026-07-01T02:00"))


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 1), (date(2026, 10, 25), 3)])
def test_the_night_of_the_change_is_shorter_or_longer(day: date, hours: int) -> None:
    assert night(day).end - night(day).begin == hours * HOUR


def test_the_lowest_quarter_out_of_an_index() -> None:
    found = lowest_of_index(steps(indexes(8, 6, 4, 2, 3, 5, 7, 9), METER), DAY)
    assert found == NightFlow(Fraction(2), NIGHT.begin + 4 * QUARTER, Fraction(1))


def test_the_lowest_hour_out_of_an_index() -> None:
    found = lowest_of_index(steps(indexes(8, 6, 4, 2, 3, 5, 7, 1), METER), DAY, over=HOUR)
    assert found == NightFlow(Fraction(4), NIGHT.end, Fraction(1))


def test_what_flows_after_the_night_is_no_night_flow() -> None:
    found = lowest_of_index(steps(indexes(8, 8, 8, 8, 8, 8, 8, 6, 0, 0, 0, 0), METER), DAY)
    assert found == NightFlow(Fraction(6), NIGHT.end, Fraction(1))
    longer = lowest_of_index(steps(indexes(8, 8, 8, 8, 8, 8, 8, 8, 0, 0, 0, 0), METER), DAY, over=5 * QUARTER)
    assert longer == NightFlow(Fraction(8), NIGHT.begin + 5 * QUARTER, Fraction(5, 8))


def test_a_gap_is_no_low_flow() -> None:
    several = indexes(8, 0, 0, 0, 0, 8, 8, 8)
    holed = [*several[:2], *several[5:]]  # an hour without readings in which nothing flowed
    assert lowest_of_index(steps(holed, METER), DAY) == NightFlow(Fraction(8), NIGHT.begin + QUARTER, Fraction(1, 2))


def test_a_night_without_readings_has_no_lowest_flow() -> None:
    assert lowest_of_index([], DAY) == NightFlow(None, None, Fraction(0))
    assert lowest_of_flow([], DAY, 8) == NightFlow(None, None, Fraction(0))


@given(st.lists(st.integers(0, 400), min_size=8, max_size=8))
def test_the_lowest_flow_is_the_smallest_of_the_quarters(quarters: list[int]) -> None:
    found = lowest_of_index(steps(indexes(*quarters), Meter(Fraction(400), interval=QUARTER)), DAY)
    assert found.value == min(quarters)
    assert found.at == NIGHT.begin + (quarters.index(min(quarters)) + 1) * QUARTER


def test_the_lowest_of_measured_flows() -> None:
    several = [flow(quarter, 4.0 + quarter) for quarter in range(8)]
    several[3] = flow(3, 1.5)
    several[4] = flow(4, 0.0, "suspect")
    several[5] = flow(5, 0.1, "estimated")
    outside = [flow(-1, 0.0), flow(8, 0.0)]
    assert lowest_of_flow([*several, *outside], DAY, 8) == NightFlow(
        Fraction("1.5"), NIGHT.begin + 4 * QUARTER, Fraction(3, 4)
    )


def test_more_readings_than_expected_are_no_more_than_the_whole_night() -> None:
    assert lowest_of_flow([flow(quarter, 1.0) for quarter in range(8)], DAY, 4).share == 1


def test_reverse_flow_is_the_lowest_of_all() -> None:
    assert lowest_of_flow([flow(0, 1.0), flow(1, -2.0)], DAY, 8).value == -2


def test_what_the_customers_drew_is_no_loss() -> None:
    inflow = NightFlow(Fraction(5), NIGHT.end, Fraction(1))
    assert net_night_flow(inflow, [Fraction("0.5"), Fraction("1.25")]) == Fraction("3.25")
    assert net_night_flow(inflow, [Fraction(6)]) == -1
    assert net_night_flow(NightFlow(None, None, Fraction(0)), []) is None


def test_what_is_no_flow_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="water_flow: expected a flow, got 'much'"):
        lowest_of_flow([flow(0, "much")], DAY, 8)
