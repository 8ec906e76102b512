"""What does a quantity amount to over calendar windows, for each thing or for the whole city? The question, the answer.

A suspect value stands in no figure and is counted apart; estimated and substituted ones count, and are counted beside;
a censored value counts with its limit. Stores that cannot compute this themselves stream their observations through
``per_thing`` or ``together``, which hold one window at a time.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import inf, log10

from collector.analysis.rollup import nearest_rank
from collector.analysis.windows import Size, Window, window_at, window_of
from collector.observation import Observation, Series, Value, kind_of
from collector.series.query import Query

YEAR = 366 * 24 * 3_600_000  # ms
LONGEST = 50 * YEAR
FIGURES = frozenset(("minimum", "maximum", "sum", "mean", "energy_mean", "first", "last", "quality"))
"""What can be left out; ``count`` is always there. ``quality`` stands for the four counts at the end."""


@dataclass(frozen=True, slots=True)
class Aggregation:
    """``Aggregation("laeq", "day", since, until, period=1000)``: one row per thing and day with any observation."""

    quantity: str
    size: Size
    since: int
    """ms UTC; widened to the begin of its window."""
    until: int
    """ms UTC, exclusive; widened to the end of the window that holds the last millisecond before it."""
    period: int = 0
    things: frozenset[str] | None = None
    """None: every thing of the city."""
    together: bool = False
    """One row per window over all the things, not one per thing and window."""
    percentiles: tuple[float, ...] = ()
    """0 … 100, nearest rank: always a value that was measured. L10 of noise is 90."""
    as_of: int | None = None
    """ms UTC: only what was known then."""
    figures: frozenset[str] = FIGURES
    """Those that are wanted; the others are None, or 0 where they count."""

    def __post_init__(self) -> None:
        if self.since >= self.until:
            raise ValueError(f"until: expected more than since, got {self.since} to {self.until}")
        if self.until - self.since > LONGEST:
            raise ValueError(f"until: at most {LONGEST // YEAR} years after since")
        if self.figures - FIGURES:
            raise ValueError(f"figures: expected some of {', '.join(sorted(FIGURES))}")
        for percent in self.percentiles:
            if not 0 <= percent <= 100:
                raise ValueError(f"percentiles: expected 0 to 100, got {percent}")

    @property
    def range(self) -> Window:
        """The whole windows that are asked for."""
        return Window(window_at(self.size, self.since).begin, window_at(self.size, self.until - 1).end)

    @property
    def shift(self) -> int:
        """Ms from the end of a measurement back to the instant that decides its window (``window_of``)."""
        return 1 if self.period else 0

    def covers(self, series: Series) -> bool:
        is_asked = self.things is None or series.thing in self.things
        return is_asked and (series.quantity, series.period) == (self.quantity, self.period)

    def query(self, series: Series) -> Query:
        """What to read of one series."""
        begin, end = self.range
        return Query(series, since=begin + self.shift, until=end + self.shift, as_of=self.as_of)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """All that stood in one window. Figures are None without a usable number; texts have count, first and last only."""

    thing: str
    """"" where things stand together."""
    window: Window
    count: int
    """Values that are not suspect."""
    minimum: float | None
    maximum: float | None
    sum: float | None
    mean: float | None
    energy_mean: float | None
    """In dB, of sound levels only."""
    first: Value | None
    """The earliest value that is not suspect; of several things at one instant that of the first by name."""
    last: Value | None
    percentiles: tuple[float | None, ...]
    """In the order they were asked for."""
    suspect: int
    estimated: int
    substituted: int
    censored: int


def per_thing(question: Aggregation, several: Iterable[tuple[Series, Iterable[Observation]]]) -> Iterator[Aggregate]:
    """By thing and window. Each series' observations come in order of time, one version of each."""
    for series, observations in several:
        yield from _by_window(question, series.thing, observations)


def together(question: Aggregation, observations: Iterable[Observation]) -> Iterator[Aggregate]:
    """By window. The observations of all the things come in order of (at, thing), one version of each."""
    return _by_window(question, "", observations)


def _by_window(question: Aggregation, thing: str, observations: Iterable[Observation]) -> Iterator[Aggregate]:
    windows = groupby(observations, lambda one: window_of(question.size, one.at, question.period))
    for window, members in windows:
        tally = _Tally(question.percentiles)
        for one in members:
            tally.add(one)
        yield aggregate(question, thing, window, tally.figures())


@dataclass(frozen=True, slots=True)
class Figures:
    """What a store found in one window; all of it, or what was asked for."""

    count: int
    minimum: float | None
    maximum: float | None
    total: float | None
    power: float | None
    """The mean of 10^(L/10)."""
    first: Value | None
    last: Value | None
    ranks: Sequence[float | None]
    suspect: int = 0
    estimated: int = 0
    substituted: int = 0
    censored: int = 0


def aggregate(question: Aggregation, thing: str, window: Window, found: Figures) -> Aggregate:
    """The answer for one window, without what was not asked for and what the quantity does not have."""
    kind, wanted = kind_of(question.quantity), question.figures
    has_numbers = kind.is_number and found.count > 0

    def numeric(name: str, figure: float | None) -> float | None:
        return figure if has_numbers and name in wanted else None

    mean = found.total / found.count if has_numbers and found.total is not None else None
    is_level = kind.kind == "sound_level" and has_numbers and found.power
    quality = (found.suspect, found.estimated, found.substituted, found.censored)
    return Aggregate(
        thing,
        window,
        found.count,
        numeric("minimum", found.minimum),
        numeric("maximum", found.maximum),
        numeric("sum", found.total),
        numeric("mean", mean),
        numeric("energy_mean", 10 * log10(found.power) if is_level and found.power else None),
        found.first if "first" in wanted else None,
        found.last if "last" in wanted else None,
        tuple(found.ranks) if has_numbers else (None,) * len(question.percentiles),
        *(quality if "quality" in wanted else (0, 0, 0, 0)),
    )


class _Tally:
    """One window, value by value."""

    def __init__(self, percentiles: Sequence[float]) -> None:
        self._percentiles = percentiles
        self._distribution: Counter[float] = Counter()
        self._count = 0
        self._sum = _Sum()
        self._power = _Sum()
        self._least, self._most = inf, -inf
        self._first: Value | None = None
        self._last: Value | None = None
        self._marks: Counter[str] = Counter()

    def add(self, one: Observation) -> None:
        judged = one.judged
        self._marks[judged] += 1
        if judged == "suspect":
            return
        self._marks["censored"] += one.censored != ""
        value = one.value
        self._first = value if self._count == 0 else self._first
        self._last = value
        self._count += 1
        if isinstance(value, float):
            self._least, self._most = min(value, self._least), max(value, self._most)
            self._sum.add(value)
            if kind_of(one.series.quantity).kind == "sound_level":
                self._power.add(10 ** (value / 10))
            if self._percentiles:
                self._distribution[value] += 1

    def figures(self) -> Figures:
        count, marks = self._count, self._marks
        ordered = sorted(self._distribution.items())
        return Figures(
            count,
            self._least,
            self._most,
            self._sum.value,
            self._power.value / count if count else None,
            self._first,
            self._last,
            [nearest_rank(ordered, count, percent) for percent in self._percentiles],
            marks["suspect"],
            marks["estimated"],
            marks["substituted"],
            marks["censored"],
        )


class _Sum:
    """A sum of doubles with the error carried along (Neumaier, ZAMM 54, 1974)."""

    def __init__(self) -> None:
        self._sum = self._error = 0.0

    def add(self, value: float) -> None:
        total = self._sum + value
        if abs(self._sum) >= abs(value):
            self._error += (self._sum - total) + value
        else:
            self._error += (value - total) + self._sum
        self._sum = total

    @property
    def value(self) -> float:
        return self._sum + self._error
