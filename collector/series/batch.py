"""How are many observations held cheaply? As columns, each made at once; one by one they are read as ever."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, compress, repeat
from typing import Any, overload

import msgspec
import numpy as np
import numpy.typing as npt

from collector.observation import Kind, Observation, Value
from collector.series.series_table import SeriesTable

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Positions = npt.NDArray[np.int64]
MARKS = ("quality", "censored", "source", "derived")


@dataclass(frozen=True, slots=True, eq=False)
class Batch(Sequence[Observation]):
    """Observations in order of arrival. As a sequence it yields ``Observation``; each is made when it is asked for."""

    table: SeriesTable
    series: Int32s
    """Numbers of ``table``."""
    at: Int64s
    """ms UTC."""
    number: npt.NDArray[np.float64]
    """NaN where the value is a text."""
    text: list[str | None] | None = None
    """Codes, texts, and positions as JSON; None where all values are numbers."""
    quality: list[str] | None = None
    """As published; None where all are ""; so with the three that follow."""
    censored: list[str] | None = None
    source: list[str] | None = None
    derived: list[str] | None = None
    known: Int64s | None = None
    """ms UTC; None until a store has kept them."""

    @classmethod
    def of(cls, table: SeriesTable, observations: Iterable[Observation]) -> "Batch":
        several = list(observations)
        halves = [stored_value(one.value) for one in several]
        texts = [text for _, text in halves]
        quality, censored, source, derived = (_unless_empty([getattr(one, name) for one in several]) for name in MARKS)
        return cls(
            table,
            np.fromiter((table.number_of(one.series) for one in several), np.int32, len(several)),
            np.fromiter((one.at for one in several), np.int64, len(several)),
            np.fromiter((number for number, _ in halves), np.float64, len(several)),
            texts if texts.count(None) < len(texts) else None,
            quality,
            censored,
            source,
            derived,
            np.fromiter((one.known for one in several), np.int64, len(several)),
        )

    @classmethod
    def joined(cls, table: SeriesTable, parts: Sequence["Batch"]) -> "Batch":
        """One after the other."""
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return cls.of(table, ())
        quality, censored, source, derived = (
            _joined([getattr(part, name) for part in parts], parts, "") for name in MARKS
        )
        return cls(
            table,
            np.concatenate([part.series for part in parts]),
            np.concatenate([part.at for part in parts]),
            np.concatenate([part.number for part in parts]),
            _joined([part.text for part in parts], parts, None),
            quality,
            censored,
            source,
            derived,
            np.concatenate([np.zeros(len(part), np.int64) if part.known is None else part.known for part in parts]),
        )

    def __len__(self) -> int:
        return len(self.series)

    @overload
    def __getitem__(self, index: int) -> Observation: ...
    @overload
    def __getitem__(self, index: slice) -> "Batch": ...
    def __getitem__(self, index: int | slice) -> "Observation | Batch":
        if isinstance(index, slice):
            return self.take(np.arange(len(self))[index])
        number = int(self.series[index])
        value = read_value(self.table.kinds[number], float(self.number[index]), self.text[index] if self.text else None)
        marks = (self.quality, self.censored, self.source, self.derived)
        quality, censored, source, derived = (column[index] if column else "" for column in marks)
        known = 0 if self.known is None else int(self.known[index])
        at = int(self.at[index])
        return Observation(self.table[number], at, value, quality, censored, source, derived, known)

    def take(self, positions: Positions, known: Int64s | None = None) -> "Batch":
        """Those at the positions, in that order; ``known`` replaces the time each became known."""
        begin, count = int(positions[0]) if len(positions) else 0, len(positions)
        which: slice | Positions = positions
        if 0 <= begin <= len(self) - count and np.array_equal(positions, np.arange(begin, begin + count)):
            which = slice(begin, begin + count)  # numbers are not copied
        if known is None and self.known is not None:
            known = self.known[which]
        if isinstance(which, slice) and count == len(self):
            return replace(self, known=known)
        quality, censored, source, derived = (_taken(getattr(self, name), which, "") for name in MARKS)
        return Batch(
            self.table,
            self.series[which],
            self.at[which],
            self.number[which],
            _taken(self.text, which, None),
            quality,
            censored,
            source,
            derived,
            known,
        )

    def content(self, position: int) -> tuple[Any, ...]:
        """What two versions of an observation are told apart by, comparable within one series."""
        text = self.text[position] if self.text else None
        marks = (column[position] if column else "" for column in (self.quality, self.censored, self.source))
        return float(self.number[position]) if text is None else text, *marks

    def says_the_same(self, other: "Batch") -> bool:
        """Whether the same observations stand in both, in the same order; when they became known is not asked."""
        texts = ("text", *MARKS)
        return (
            np.array_equal(self.series, other.series)
            and np.array_equal(self.at, other.at)
            and np.array_equal(self.number, other.number, equal_nan=True)
            and all(getattr(self, name) == getattr(other, name) for name in texts)
        )

    def unstorable(self) -> Positions:
        """Where a number is not finite: NaN and the infinities have no place in a series."""
        odd = np.flatnonzero(~np.isfinite(self.number))
        if self.text is None or not len(odd):
            return odd
        texts = self.text
        return odd[np.fromiter((texts[place] is None for place in odd.tolist()), np.bool_, len(odd))]


def rows_of(batch: Batch) -> Iterator[tuple[Any, ...]]:
    """(at, number, text, quality, censored, source, derived, known) of each, all at once."""
    texts = repeat(None) if batch.text is None else batch.text
    marks = (repeat("") if column is None else column for column in (getattr(batch, name) for name in MARKS))
    known = repeat(0) if batch.known is None else batch.known.tolist()
    return zip(batch.at.tolist(), batch.number.tolist(), texts, *marks, known, strict=False)


def stored_value(value: Value) -> tuple[float, str | None]:
    """The number and the text that a value is stored as; the number is NaN where there is a text."""
    if isinstance(value, str):
        return np.nan, value
    if isinstance(value, tuple):
        return np.nan, msgspec.json.encode(value).decode()
    return float(value), None


def read_value(kind: Kind, number: float | None, text: str | None) -> Value:
    """The value that was stored as this number or this text."""
    if text is not None:
        return tuple(read_position(text)) if kind.kind == "position" else text
    if number is None:
        raise ValueError(f"{kind.name}: neither a number nor a text is stored")
    return int(number) if kind.kind == "flags" else number


read_position: Callable[[str], list[float]] = msgspec.json.Decoder(list[float]).decode
"""The text that a position is stored as."""


def _unless_empty(column: list[str]) -> list[str] | None:
    return column if any(column) else None


def _taken(column: list[Any] | None, which: slice | Positions, empty: str | None) -> list[Any] | None:
    if column is None:
        return None
    taken = column[which] if isinstance(which, slice) else [column[index] for index in which.tolist()]
    return taken if taken.count(empty) < len(taken) else None


def _joined(columns: list[list[Any] | None], parts: Sequence[Batch], empty: str | None) -> list[Any] | None:
    if not any(compress(columns, columns)):
        return None
    return list(chain.from_iterable(column or [empty] * len(part) for column, part in zip(columns, parts, strict=True)))
