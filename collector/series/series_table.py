"""Which series are there? Each has a number, and what is asked of every observation stands in arrays, by number."""

from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from collector.observation import Kind, Series, kind_of

MOST = 1_000  # series of one thing: a telegram of a heat meter has some hundred


class SeriesTable:
    """Numbers from 0 in order of arrival, never given again. Only the one writer adds; every thread may ask.

    The arrays may be longer than the table: what lies behind its end means nothing.
    """

    def __init__(self, series: Iterable[Series] = ()) -> None:
        self._numbers: dict[Series, int] = {}
        self._series: list[Series] = []
        self._per_thing: Counter[str] = Counter()
        self.kinds: list[Kind] = []
        self.has_number: npt.NDArray[np.bool_] = np.zeros(64, np.bool_)
        """The value stands in ``Batch.number``: gauges, counters, sound levels and flags; else in ``Batch.text``."""
        self.is_measured: npt.NDArray[np.bool_] = np.zeros(64, np.bool_)
        """Gauges, counters and sound levels."""
        self.has_period: npt.NDArray[np.bool_] = np.zeros(64, np.bool_)
        self.low: npt.NDArray[np.float64] = np.zeros(64)
        """What is plausible; infinite where the contract has no limits."""
        self.high: npt.NDArray[np.float64] = np.zeros(64)
        for one in series:
            self.number_of(one)

    def __len__(self) -> int:
        return len(self._series)

    def __getitem__(self, number: int) -> Series:
        return self._series[number]

    def __iter__(self) -> Iterator[Series]:
        return iter(self._series)

    def find(self, series: Series) -> int | None:
        return self._numbers.get(series)

    def numbers_of(self, series: Iterable[Series]) -> npt.NDArray[np.int64]:
        """Of many at once; -1 where there is none."""
        find = self._numbers.get
        return np.array([find(one, -1) for one in series], np.int64)

    def admit(self, series: Series) -> int:
        """As ``number_of``, for what a publisher made up: periods and qualifiers have no end, a thing's series do."""
        if series not in self._numbers and self._per_thing[series.thing] >= MOST:
            raise ValueError(f"too many series of one thing: at most {MOST}")
        return self.number_of(series)

    def number_of(self, series: Series) -> int:
        """The number of a series, given out where it has none; ValueError when the contract has no such quantity."""
        number = self._numbers.get(series)
        if number is not None:
            return number
        kind = kind_of(series.quantity)
        number = len(self._series)
        if number == len(self.low):
            for name in ("has_number", "is_measured", "has_period", "low", "high"):
                array = getattr(self, name)
                setattr(self, name, np.concatenate((array, np.zeros_like(array))))
        self.has_number[number] = kind.is_number or kind.kind == "flags"
        self.is_measured[number] = kind.is_number
        self.has_period[number] = series.period > 0
        self.low[number] = -np.inf if kind.low is None else kind.low
        self.high[number] = np.inf if kind.high is None else kind.high
        self.kinds.append(kind)
        self._series.append(series)
        self._numbers[series] = number
        self._per_thing[series.thing] += 1
        return number

    def since(self, number: int) -> list[tuple[int, Series]]:
        """The series from a number on, each with its own."""
        return list(enumerate(self._series[number:], number))
