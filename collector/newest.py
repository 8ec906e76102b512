"""Which is the newest observation of each series, and what of a batch could be a repetition?"""

from typing import Any

import numpy as np

from collector.batch import Batch, Int64s, Positions, read_value, rows_of
from collector.observation import Observation, Series
from collector.series_table import SeriesTable


class Newest:
    """The newest observation per series, in memory. What is newer than it cannot be a repetition."""

    def __init__(self, table: SeriesTable) -> None:
        self._table = table
        self._newest: dict[int, tuple[Any, ...]] = {}  # rows: an observation is made when it is asked for
        self._at: Int64s = np.full(len(table.low), -1, np.int64)
        self.known = 0  # the latest known time given out, ms UTC

    def take(self, kept: Batch) -> None:
        """Call only with what is durable, oldest version first."""
        if not len(kept):
            return
        self._grow()
        last = _last_of_each_series(kept)
        last = last[kept.at[last] >= self._at[kept.series[last]]]
        self._at[kept.series[last]] = kept.at[last]
        self._newest.update(zip(kept.series[last].tolist(), rows_of(kept.take(last)), strict=True))
        if kept.known is not None:
            self.known = max(self.known, int(kept.known.max()))

    def get(self, series: Series) -> Observation | None:
        number = self._table.find(series)
        row = None if number is None else self._newest.get(number)
        return None if row is None or number is None else self._observation(number, row)

    def copy(self) -> dict[Series, Observation]:
        newest = self._newest.copy()  # one step under the interpreter's lock: no writer comes between
        return {self._table[number]: self._observation(number, row) for number, row in newest.items()}

    def _observation(self, number: int, row: tuple[Any, ...]) -> Observation:
        at, figure, text, *rest = row
        return Observation(self._table[number], at, read_value(self._table.kinds[number], figure, text), *rest)

    def split(self, batch: Batch) -> tuple[Positions, Positions]:
        """Return the positions of (what is certainly new, what may be kept already), each in the order of the batch."""
        self._grow()
        order = np.argsort(batch.series, kind="stable")
        series, at = batch.series[order], batch.at[order]
        before = self._at[series]
        same = series[1:] == series[:-1]
        before[1:][same] = at[:-1][same]
        if (at > before).all():  # the usual batch: every series goes forward
            return np.arange(len(batch)), np.empty(0, np.int64)
        ahead: dict[int, int] = {}
        is_fresh = np.zeros(len(batch), np.bool_)
        newest = self._at
        for position, (number, instant) in enumerate(zip(batch.series.tolist(), batch.at.tolist(), strict=True)):
            if instant > ahead.get(number, newest[number]):
                ahead[number] = instant
                is_fresh[position] = True
        return np.flatnonzero(is_fresh), np.flatnonzero(~is_fresh)

    def _grow(self) -> None:
        missing = len(self._table.low) - len(self._at)
        if missing > 0:
            self._at = np.concatenate((self._at, np.full(missing, -1, np.int64)))


def _last_of_each_series(batch: Batch) -> Positions:
    """The positions of the newest observation of each series; of several versions the last."""
    order = np.lexsort((batch.at, batch.series))  # stable: versions of one instant stay in their order
    series = batch.series[order]
    is_last = np.ones(len(series), np.bool_)
    is_last[:-1] = series[1:] != series[:-1]
    return order[is_last]
