"""Of several versions the latest known counts, whatever the order; covered time is counted once."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from collector.analysis.coverage import latest, measured, overlap, share
from collector.analysis.windows import Window
from collector.observation import Observation, Series

LEVEL = Series("mic-1", "laeq", 10)
spans = st.lists(st.integers(0, 100), max_size=8, unique=True)
bounds = st.lists(st.integers(0, 120), max_size=8, unique=True)


def at(instant: int, value: float = 50.0, known: int = 0) -> Observation:
    return Observation(LEVEL, instant, value, known=known)


def paired(edges: list[int]) -> list[Window]:
    ordered = sorted(edges)
    return [Window(*pair) for pair in zip(ordered[::2], ordered[1::2], strict=False)]


@given(st.permutations([at(1, 50.0, 1), at(1, 51.0, 3), at(1, 49.0, 2), at(2, 60.0, 9)]))
def test_the_latest_known_wins_in_any_order(observations: list[Observation]) -> None:
    assert latest(observations * 2) == [at(1, 51.0, 3), at(2, 60.0, 9)]


@given(st.permutations([at(1, 50.0), at(1, 51.0), at(1, 9.0)]))
def test_without_a_known_time_the_order_of_arrival_still_decides_nothing(observations: list[Observation]) -> None:
    assert latest(observations) == [at(1, 9.0)]  # "9.0" is the last of the three texts


@given(st.integers(0, 120), st.integers(0, 30), bounds)
def test_overlap_is_what_counting_milliseconds_gives(begin: int, length: int, edges: list[int]) -> None:
    windows = paired(edges)
    inside = {ms for window in windows for ms in range(*window)}
    assert overlap(begin, begin + length, windows) == len(inside & set(range(begin, begin + length)))


@given(spans, bounds)
def test_measured_time_is_what_counting_milliseconds_gives(ends: list[int], edges: list[int]) -> None:
    windows = paired(edges)
    inside = {ms for window in windows for ms in range(*window)}
    covered = {ms for end in ends for ms in range(end - 10, end)}
    assert measured([at(end) for end in ends], windows) == len(inside & covered)


def test_a_share_is_exact_and_nothing_is_a_share_of_no_time() -> None:
    assert share(675_000, [Window(900_000, 1_800_000)]) == Fraction(3, 4)
    assert share(1, [Window(5, 6)]) == 1
    assert share(0, []) == 0
