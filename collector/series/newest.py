"""Which is the newest observation of each series, and what of a batch could be a repetition?"""

from collections.abc import Iterable
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from collector.observation import DERIVED, Observation, Series, Value
from collector.series.batch import Batch, Int64s, Positions, read_value, rows_of
from collector.series.columns import CENSORED, JUDGED
from collector.series.series_table import SeriesTable

Int8s = npt.NDArray[np.int8]


class LastColumns(NamedTuple):
    """The newest of many series, each at its place."""

    at: Int64s
    """ms UTC; -1 where there is none."""
    number: npt.NDArray[np.float64]
    """NaN where the value is a text or a position."""
    text: dict[int, Value]
    """Place -> the text or the position."""
    quality: Int8s
    """As judged, by place in ``columns.JUDGED``."""
    censored: Int8s
    """By place in ``columns.CENSORED``."""


class Newest:
    """The newest observation per series, in memory. What is newer than it cannot be a repetition.

    The one writer takes, and whoever keeps house revises; every thread may ask.
    """

    def __init__(self, table: SeriesTable) -> None:
        self._table = table
        self._newest: dict[int, tuple[Any, ...]] = {}  # rows: an observation is made when it is asked for
        self._at: Int64s = np.full(len(table.low), -1, np.int64)
        self._number: npt.NDArray[np.float64] = np.full(len(table.low), np.nan)
        self._quality: Int8s = np.zeros(len(table.low), np.int8)
        self._censored: Int8s = np.zeros(len(table.low), np.int8)
        self._revision: Int64s = np.zeros(len(table.low), np.int64)
        self._latest_revision = 0
        self._lock = Lock()  # the arrays agree with each other
        self.known = 0  # the latest known time given out, ms UTC

    def take(self, kept: Batch) -> None:
        """Call only with what is durable, oldest version first."""
        if not len(kept):
            return
        self._grow()
        last = _last_of_each_series(kept)
        last = last[kept.at[last] >= self._at[kept.series[last]]]
        newest, series = kept.take(last), kept.series[last]
        quality, censored = _marks(newest)
        with self._lock:
            self._at[series] = newest.at
            self._number[series] = newest.number
            self._quality[series] = quality
            self._censored[series] = censored
            self._newest.update(zip(series.tolist(), rows_of(newest), strict=True))
            self._latest_revision += 1
            self._revision[kept.series] = self._latest_revision
        if kept.known is not None:
            self.known = max(self.known, int(kept.known.max()))

    def get(self, series: Series) -> Observation | None:
        number = self._table.find(series)
        row = None if number is None else self._newest.get(number)
        return None if row is None or number is None else self._observation(number, row)

    def copy(self) -> dict[Series, Observation]:
        newest = self._newest.copy()  # one step under the interpreter's lock: no writer comes between
        return {self._table[number]: self._observation(number, row) for number, row in newest.items()}

    def columns(self, numbers: Int64s) -> LastColumns:
        """Of these numbers of the table; -1 is a series that is not there."""
        self._grow()
        is_there = numbers >= 0
        places = np.where(is_there, numbers, 0)
        with self._lock:
            at = np.where(is_there, self._at[places], -1)
            number, quality, censored = self._number[places], self._quality[places], self._censored[places]
            odd = np.flatnonzero((at >= 0) & np.isnan(number)).tolist()
            rows = [self._newest[int(numbers[place])] for place in odd]
        kinds = self._table.kinds
        text = {
            place: read_value(kinds[int(numbers[place])], None, row[2]) for place, row in zip(odd, rows, strict=True)
        }
        return LastColumns(at, number, text, quality, censored)

    def revision(self, numbers: Int64s | None = None) -> int:
        """As ``Store.revision``."""
        if numbers is None:
            return self._latest_revision
        revisions = self._revision
        known = numbers[(numbers >= 0) & (numbers < len(revisions))]
        return int(revisions[known].max(initial=0))

    def revise(self) -> None:
        """Something else than what was taken has changed, perhaps of every series."""
        with self._lock:
            self._latest_revision += 1
            self._revision[:] = self._latest_revision

    def forget(self, numbers: Iterable[int], before: int) -> None:
        """What these series measured before that time (ms UTC) was erased."""
        with self._lock:
            self._latest_revision += 1
            for number in numbers:
                if not 0 <= number < len(self._at):
                    continue
                self._revision[number] = self._latest_revision
                if self._at[number] - self._table.has_period[number] < before:
                    self._newest.pop(number, None)
                    self._at[number] = -1
                    self._number[number] = np.nan

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
        if missing <= 0:
            return
        with self._lock:
            missing = len(self._table.low) - len(self._at)
            self._number = np.concatenate((self._number, np.full(missing, np.nan)))
            self._quality = np.concatenate((self._quality, np.zeros(missing, np.int8)))
            self._censored = np.concatenate((self._censored, np.zeros(missing, np.int8)))
            self._revision = np.concatenate((self._revision, np.zeros(missing, np.int64)))
            self._at = np.concatenate((self._at, np.full(missing, -1, np.int64)))


def _marks(batch: Batch) -> tuple[Int8s, Int8s]:
    """The judged quality and the censoring of each."""
    quality, censored = np.zeros(len(batch), np.int8), np.zeros(len(batch), np.int8)
    if batch.derived is not None:
        suspect = np.fromiter((one != DERIVED[0] for one in batch.derived), np.bool_, len(batch))
        quality[suspect] = JUDGED.index("suspect")
    if batch.quality is not None:
        for place, word in enumerate(batch.quality):
            if word:
                quality[place] = JUDGED.index(word)
    if batch.censored is not None:
        censored[:] = [CENSORED.index(word) for word in batch.censored]
    return quality, censored


def _last_of_each_series(batch: Batch) -> Positions:
    """The positions of the newest observation of each series; of several versions the last."""
    order = np.lexsort((batch.at, batch.series))  # stable: versions of one instant stay in their order
    series = batch.series[order]
    is_last = np.ones(len(series), np.bool_)
    is_last[:-1] = series[1:] != series[:-1]
    return order[is_last]
