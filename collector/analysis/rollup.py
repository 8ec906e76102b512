"""What does one window of one series amount to: count, min, max, sum, mean, energy mean, first, last, percentiles?

A roll-up keeps how often each value stood in its window; every figure follows from that. So it is the same whatever
the order and repetition of the input, and parts of a window merge into it exactly, percentiles too. Sums are those of
the stored doubles without any error, rounded once at the end (``math.fsum``).

Which value counts where: of several versions of one instant the latest known. Suspect values stand in no figure; they
are counted in ``suspect``. Estimated and substituted values count, and are counted beside. A censored value ("<2")
counts with its limit, and is counted in ``censored``.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, groupby, pairwise, repeat
from math import ceil, fsum

from collector.analysis.coverage import latest
from collector.analysis.noise import energy_mean
from collector.analysis.windows import Size, Window, window_of
from collector.observation import Observation, Series, Value, kind_of


@dataclass(frozen=True, slots=True)
class Rollup:
    """All that stood in one window of one series; figures of a window without a usable value are None."""

    series: Series
    window: Window
    distribution: tuple[tuple[Value, int], ...]
    """Each value that is not suspect with how often it stood, in order of value."""
    first: tuple[int, Value] | None
    """(at, value) of the earliest value that is not suspect."""
    last: tuple[int, Value] | None
    suspect: int
    """Values that are left out of every figure."""
    estimated: int
    """How many of ``count`` are estimated; so with ``substituted`` and ``censored``."""
    substituted: int
    censored: int
    known: int
    """When the newest of its observations became known, ms UTC; 0 where the store keeps no known time."""

    @property
    def count(self) -> int:
        return sum(count for _, count in self.distribution)

    @property
    def minimum(self) -> float | None:
        return self._numbers[0][0] if self._numbers else None

    @property
    def maximum(self) -> float | None:
        return self._numbers[-1][0] if self._numbers else None

    @property
    def sum(self) -> float | None:
        """In the unit of the quantity; OverflowError where a double cannot hold it."""
        if not self._numbers:
            return None
        return fsum(chain.from_iterable(repeat(value, count) for value, count in self._numbers))

    @property
    def mean(self) -> float | None:
        """Arithmetic mean of the values, each with the same weight."""
        total = self.sum
        return None if total is None else total / self.count

    @property
    def energy_mean(self) -> float | None:
        """In dB, of a sound level only: the level whose energy is the mean energy of the values."""
        if not self._numbers or kind_of(self.series.quantity).kind != "sound_level":
            return None
        return energy_mean(self._numbers)

    def percentile(self, percent: float) -> float | None:
        """The smallest value that at least ``percent`` % of the values do not exceed (nearest rank, 0 … 100).

        It is always a value that was measured. L10 of noise, exceeded for 10 % of the time, is ``percentile(90)``.
        """
        if not 0 <= percent <= 100:
            raise ValueError(f"percent: expected 0 to 100, got {percent}")
        return nearest_rank(self._numbers, self.count, percent)

    @property
    def _numbers(self) -> tuple[tuple[float, int], ...]:
        """The distribution where it can be counted with: gauges, counters and sound levels."""
        return self.distribution if kind_of(self.series.quantity).is_number else ()  # type: ignore[return-value]


def nearest_rank(ordered: Iterable[tuple[float, int]], count: int, percent: float) -> float | None:
    """The smallest of ``count`` values that at least ``percent`` % of them do not exceed; None without values.

    ``ordered``: each value with how often it stood, in order of value.
    """
    rank = max(1, ceil(Fraction(repr(percent)) * count / 100))  # 0.1 means a tenth
    for value, times in ordered:
        rank -= times
        if rank <= 0:
            return value
    return None


def roll_up(size: Size, observations: Iterable[Observation]) -> dict[tuple[Series, Window], Rollup]:
    """The roll-ups of every window that the observations touch; whoever leaves one out leaves it out of its window."""
    found = {}
    for key, members in groupby(latest(observations), lambda one: (one.series, _window(size, one))):
        found[key] = _summarise(*key, list(members))
    return found


def merge(window: Window, parts: Iterable[Rollup]) -> Rollup:
    """The roll-up of a window out of those of its parts: the day out of its hours, the month out of its days.

    A part may come again, and in an older version: of one window the latest known counts. ValueError names what does
    not fit: parts of several series, outside the window, that overlap, or that differ without one being newer.
    """
    several = sorted(_newest(parts), key=lambda part: part.window)
    if not several:
        raise ValueError("parts: none given")
    for part, after in pairwise(several):
        if part.window.end > after.window.begin:
            raise ValueError(f"parts: {part.window} and {after.window} overlap")
    if several[0].window.begin < window.begin or several[-1].window.end > window.end:
        raise ValueError(f"parts: not all lie in {window}")
    counts: Counter[Value] = Counter()
    for part in several:
        counts.update(dict(part.distribution))
    return Rollup(
        several[0].series,
        window,
        _ordered(counts),
        next((part.first for part in several if part.first), None),
        next((part.last for part in reversed(several) if part.last), None),
        sum(part.suspect for part in several),
        sum(part.estimated for part in several),
        sum(part.substituted for part in several),
        sum(part.censored for part in several),
        max(part.known for part in several),
    )


def touched(size: Size, arrived: Iterable[Observation]) -> set[tuple[Series, Window]]:
    """The roll-ups that what has arrived makes stale: these are made again from all their data, and no others."""
    return {(one.series, _window(size, one)) for one in arrived}


def _window(size: Size, one: Observation) -> Window:
    return window_of(size, one.at, one.series.period)


def _summarise(series: Series, window: Window, members: list[Observation]) -> Rollup:
    used = [one for one in members if one.judged != "suspect"]
    return Rollup(
        series,
        window,
        _ordered(Counter(one.value for one in used)),
        (used[0].at, used[0].value) if used else None,
        (used[-1].at, used[-1].value) if used else None,
        len(members) - len(used),
        sum(one.judged == "estimated" for one in used),
        sum(one.judged == "substituted" for one in used),
        sum(one.censored != "" for one in used),
        max(one.known for one in members),
    )


def _ordered(counts: Counter[Value]) -> tuple[tuple[Value, int], ...]:
    return tuple(sorted(counts.items()))


def _newest(parts: Iterable[Rollup]) -> list[Rollup]:
    kept: dict[Window, Rollup] = {}
    series = set()
    for part in parts:
        series.add(part.series)
        other = kept.setdefault(part.window, part)
        if other != part and other.known == part.known:
            raise ValueError(f"parts: two different roll-ups of {part.window}")
        if part.known > other.known:
            kept[part.window] = part
    if len(series) > 1:
        raise ValueError(f"parts: of several series, {sorted(series)}")
    return list(kept.values())
