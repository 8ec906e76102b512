"""Ranges are sets: every operation agrees with Python's own sets."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from collector import ranges

numbers = st.sets(st.integers(1, 60))


@given(numbers, numbers)
def test_ranges_behave_like_sets(left: set[int], right: set[int]) -> None:
    one, other = ranges.of(left), ranges.of(right)
    assert members(ranges.union(one, other)) == left | right
    assert members(ranges.without(one, other)) == left - right


@given(numbers, st.integers(0, 70))
def test_gaps_are_what_is_missing(present: set[int], end: int) -> None:
    assert members(ranges.gaps(ranges.of(present), end)) == set(range(1, end + 1)) - present


@given(numbers)
def test_text_comes_back(present: set[int]) -> None:
    assert ranges.from_text(ranges.to_text(ranges.of(present))) == ranges.of(present)


@given(numbers)
def test_ranges_are_as_few_as_can_be(present: set[int]) -> None:
    one = ranges.of(present)
    assert all(first[1] + 1 < second[0] for first, second in pairwise(one))


def members(several: ranges.Ranges) -> set[int]:
    return {number for first, last in several for number in range(first, last + 1)}
