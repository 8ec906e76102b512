"""What is taken out of a batch is what stands there, one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.observation import Observation, Series
from collector.series.batch import Batch
from collector.series.series_table import SeriesTable

KINDS = {
    "numbers": [Observation(Series("a", "distance"), at, at / 8, known=at + 1) for at in range(6)],
    "codes and marks among them": [
        Observation(Series("a", "distance"), 1, 0.5, "suspect"),
        Observation(Series("a", "occupancy"), 2, "free", known=9),
        Observation(Series("b", "distance"), 3, 0.7, source="telegram"),
        Observation(Series("b", "occupancy"), 4, "occupied", derived="skewed"),
        Observation(Series("a", "distance"), 5, 0.9),
        Observation(Series("c", "distance"), 6, 1.1, censored="<"),
    ],
}


@pytest.mark.parametrize("several", KINDS.values(), ids=KINDS)
def test_taken_at_positions_that_stand_together_or_apart(several: list[Observation]) -> None:
    batch = Batch.of(SeriesTable(), several)

    @given(
        st.lists(st.integers(-6, 5), max_size=8)
        | st.tuples(st.integers(0, 5), st.integers(0, 6)).map(lambda a: [*range(*a)])
    )
    def check(positions: list[int]) -> None:
        places = np.array(positions, np.int64)
        assert list(batch.take(places)) == [several[place] for place in positions]
        known = np.arange(len(places)) + 100
        assert [one.known for one in batch.take(places, known)] == known.tolist()

    check()


def test_what_has_no_mark_left_has_no_column_of_marks() -> None:
    batch = Batch.of(SeriesTable(), KINDS["codes and marks among them"])
    assert (batch.take(np.array([4])).quality, batch.take(np.array([4])).text) == (None, None)
    assert batch.take(np.array([0, 4])).quality == ["suspect", ""]


def test_a_position_behind_the_end_is_refused() -> None:
    with pytest.raises(IndexError):
        Batch.of(SeriesTable(), KINDS["numbers"]).take(np.array([5, 6]))
