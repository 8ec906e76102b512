"""What of a batch would no sensor in order say? A jump, or a value that has stood too long: marked, never dropped.

The rules are those of ``analysis.plausibility``. Only what is newer than all before of its series is judged: late data
has no neighbour in memory. Usually nothing is to be marked, which is found for the whole batch at once; only series
that are doubted are gone through one by one.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from collector.analysis.windows import HOUR
from collector.messages.limits import Limit
from collector.observation import Kind, Observation
from collector.series.batch import Batch, Int32s, Int64s, Positions
from collector.series.series_table import SeriesTable

LEAST = 3  # observations that say "stuck": silence is no proof

Bools = npt.NDArray[np.bool_]
Float64s = npt.NDArray[np.float64]


class _Past(NamedTuple):
    """What is remembered of one series."""

    newest: int = -1
    """The latest ``at``, ms UTC."""
    at: int = -1
    """Of the last value that was not suspect."""
    value: float = np.nan
    """That value; NaN while there is none."""
    standing: float = np.nan
    """The newest value, suspect or not."""
    since: int = -1
    """When the newest value was first said, without another in between."""
    times: int = 0
    """How often it was said since."""


_PAST = np.dtype(list(zip(_Past._fields, ("i8", "i8", "f8", "f8", "i8", "i8"), strict=True)))
Pasts = npt.NDArray[np.void]


class Marked(NamedTuple):
    """A batch with its marks, and what will be remembered of it."""

    observations: Batch
    series: Int32s
    pasts: Pasts
    """Of each of ``series``."""


class Marking:
    """Remembers some numbers of each series. One writer uses it."""

    def __init__(self, table: SeriesTable, newest: Iterable[Observation], limits: Mapping[str, Limit]) -> None:
        """``newest``: of each series that is kept; how long it had stood before is not known."""
        self._table = table
        self._limits = _Limits(limits)
        self._row = np.zeros(0, np.intp)
        self._past = np.zeros(0, _PAST)
        self._seen = 0  # series of the table that have their row
        self._grow()
        for one in newest:
            number = table.find(one.series)
            if number is not None and self._row[number] and "skewed" not in one.derived:
                value = float(one.value)  # type: ignore[arg-type]  # only numbers have limits
                usable = np.nan if _is_suspect(one.quality, one.derived) else value
                self._past[number] = _Past(one.at, one.at, usable, value, one.at, 1)

    def marked(self, batch: Batch) -> Marked:
        """The same observations in the same order; nothing is remembered until ``take``."""
        self._grow()
        group = self._judged(batch)
        if group is None:
            return Marked(batch, np.empty(0, np.int32), np.empty(0, _PAST))
        pasts = self._past.take(group.series[group.begins])
        doubted = self._go_forward(batch, group, pasts)
        implausible: list[int] = []
        for index in doubted:
            places = group.order[group.begins[index] : group.ends[index]]
            rule = self._limits.rules[self._row[group.series[group.begins[index]]]]
            before = _Past(*self._past[batch.series[places[0]]].item())
            pasts[index] = _go_singly(rule, before, _rows(batch, places), implausible)
        if implausible:
            derived = list(batch.derived or [""] * len(batch))
            for place in implausible:
                derived[place] = "implausible"
            batch = replace(batch, derived=derived)
        return Marked(batch, group.series[group.begins], pasts)

    def take(self, marked: Marked) -> None:
        """Call once it is durable: a batch that is given again gets the same marks."""
        self._past.put(marked.series, marked.pasts)

    def _judged(self, batch: Batch) -> "_Grouped | None":
        """What has limits and may change what is remembered. Who is ahead of time would make all others late."""
        judged = self._row[batch.series] > 0
        if not judged.any():
            return None
        judged &= batch.at >= self._past["since"][batch.series]
        places = np.flatnonzero(judged)
        if batch.derived:
            derived = batch.derived
            places = np.array([place for place in places.tolist() if "skewed" not in derived[place]], np.int64)
        return _grouped(batch, places) if len(places) else None

    def _go_forward(self, batch: Batch, group: "_Grouped", pasts: Pasts) -> list[int]:
        """Write what is remembered after each group into ``pasts``; return the groups of which this is not true."""
        order, begins = group.order, group.begins
        at, value, row = batch.at[order], batch.number[order], self._row[group.series]
        limits = self._limits
        is_late = at <= _shifted(at, begins, pasts["newest"])
        change = np.abs(value - _shifted(value, begins, pasts["value"]))  # NaN, where there is none before, is no jump
        passed = at - _shifted(at, begins, pasts["at"])
        doubted = is_late | (change > limits.step[row] + limits.most_per_hour[row] * passed / HOUR)
        since, times = _stood(at, value, begins, pasts)
        is_stuck = (times >= LEAST) & (at - since > limits.longest[row])
        if is_stuck.any():
            doubted |= is_stuck & ~(value[:, None] == limits.resting[row]).any(axis=1)
        if batch.quality or batch.derived:
            doubted |= np.fromiter((suspect for *_, suspect in _rows(batch, order)), np.bool_, len(order))
        last = group.ends - 1
        for name, column in (("newest", at), ("at", at), ("value", value), ("standing", value)):
            pasts[name] = column[last]
        pasts["since"], pasts["times"] = since[last], times[last]
        if not doubted.any():
            return []
        return np.flatnonzero(np.logical_or.reduceat(doubted, begins)).tolist()

    def _grow(self) -> None:
        """The table has new series."""
        missing = len(self._table.low) - len(self._row)
        if missing > 0:
            self._row = np.concatenate((self._row, np.zeros(missing, np.intp)))
            self._past = np.concatenate((self._past, np.full(missing, np.array(_Past(), _PAST))))
        for number in range(self._seen, len(self._table)):
            self._row[number] = self._limits.row_of(self._table.kinds[number])
        self._seen = len(self._table)


class _Rule(NamedTuple):
    """A limit, with nothing left open."""

    most_per_hour: float = 0.0
    step: float = np.inf
    longest: float = np.inf
    """ms."""
    resting: tuple[float, ...] = ()


class _Limits:
    """The limits as rows of arrays. Row 0 limits nothing."""

    def __init__(self, limits: Mapping[str, Limit]) -> None:
        self._rows = {name: row for row, name in enumerate(limits, 1)}
        self.rules = [_Rule(), *map(_rule_of, limits.values())]
        self.most_per_hour = np.array([rule.most_per_hour for rule in self.rules])
        self.step = np.array([rule.step for rule in self.rules])
        self.longest = np.array([rule.longest for rule in self.rules])
        self.resting = np.full((len(self.rules), max(len(rule.resting) for rule in self.rules)), np.nan)
        for row, rule in enumerate(self.rules):
            self.resting[row, : len(rule.resting)] = rule.resting

    def row_of(self, kind: Kind) -> int:
        """A stored value and an extreme stand still by their nature."""
        if any(one in ("min", "max") or one.startswith("s") for one in kind.qualifiers):
            return 0
        return self._rows.get(kind.name, 0)


@dataclass(frozen=True, slots=True)
class _Grouped:
    """Some observations of a batch by their series, each series in order of arrival."""

    order: Positions
    series: Int32s
    """Of each in ``order``."""
    begins: Positions
    """In ``order``, of each series."""
    ends: Positions


def _grouped(batch: Batch, places: Positions) -> _Grouped:
    order = places[np.argsort(batch.series[places], kind="stable")]
    series = batch.series[order]
    begins = np.flatnonzero(np.concatenate(([True], series[1:] != series[:-1])))
    return _Grouped(order, series, begins, np.append(begins[1:], len(order)))


def _shifted(column: npt.NDArray[Any], begins: Positions, first: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """What stands before each; before the first of a series, ``first``."""
    before = np.empty_like(column)
    before[1:] = column[:-1]
    before[begins] = first
    return before


def _stood(at: Int64s, value: Float64s, begins: Positions, pasts: Pasts) -> tuple[Int64s, Int64s]:
    """Since when each value has stood, and how often it was said."""
    is_moved = value != _shifted(value, begins, pasts["standing"])
    starts_run = is_moved.copy()
    starts_run[begins] = True
    starts = np.flatnonzero(starts_run)
    since, times = at.copy(), np.ones(len(at), np.int64)
    goes_on = ~is_moved[begins]
    since[begins[goes_on]] = pasts["since"][goes_on]
    times[begins[goes_on]] += pasts["times"][goes_on]
    run = np.cumsum(starts_run) - 1
    return since[starts][run], times[starts][run] + np.arange(len(at)) - starts[run]


def _go_singly(rule: _Rule, past: _Past, rows: Iterable[tuple[int, int, float, bool]], implausible: list[int]) -> _Past:
    """Return what is remembered after the rows; the positions to be marked are appended to ``implausible``."""
    newest, last, usable, standing, since, times = past
    for place, at, value, is_suspect in rows:
        if at > newest:
            since, times = (since, times + 1) if value == standing else (at, 1)
            newest, standing = at, value
            is_jump = abs(value - usable) > rule.step + rule.most_per_hour * (at - last) / HOUR
            is_stuck = times >= LEAST and at - since > rule.longest and value not in rule.resting
            if is_jump or is_stuck:
                implausible.append(place)
            elif not is_suspect:
                last, usable = at, value
        elif value == standing or at < since:
            continue  # a repetition, or older than what is remembered
        elif at == newest:  # corrected: what follows is judged by the correction
            last, usable, standing, since, times = at, np.nan if is_suspect else value, value, at, 1
        else:  # another value, late: it had not stood
            since, times = newest, 1
    return _Past(newest, last, usable, standing, since, times)


def _rows(batch: Batch, places: Positions) -> Iterator[tuple[int, int, float, bool]]:
    """(position, at, value, whether it is suspect already) of each."""
    quality, derived = batch.quality, batch.derived
    for place, at, value in zip(places.tolist(), batch.at[places].tolist(), batch.number[places].tolist(), strict=True):
        yield place, at, value, _is_suspect(quality[place] if quality else "", derived[place] if derived else "")


def _is_suspect(quality: str, derived: str) -> bool:
    return quality == "suspect" or derived != ""


def _rule_of(limit: Limit) -> _Rule:
    rate = (0.0, np.inf) if limit.most_per_hour is None else (limit.most_per_hour, limit.step)
    longest = np.inf if limit.stuck_hours is None else limit.stuck_hours * HOUR
    return _Rule(*rate, longest, limit.resting)
