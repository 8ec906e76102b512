"""How do observations look as lines of InfluxDB's protocol, and as rows of its answers? Pure."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice, repeat
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from collector.batch import MARKS, Batch, read_value
from collector.observation import Kind, Observation, Series, kind_of
from collector.series_table import SeriesTable

MEASUREMENT = "observation"
FIELDS = ("number", "code", "text", "position", "quality", "censored", "source", "derived")


class LineMaker:
    """Makes lines of the observations of one table. What is the same in many lines is escaped once.

    A line writes its value and four marks, also those it has not, so that nothing of an older version shines through.
    Where there is no older version and no mark, the value alone is written: each field costs InfluxDB as much as the
    point itself. A number is always a float, because a field of InfluxDB never changes its type. Belongs to the one
    writer.
    """

    def __init__(self, table: SeriesTable) -> None:
        self._table = table
        self._keys: list[bytes] = []  # by the numbers of the table
        self._marks = _Remembered(_marks)

    def lines_of(self, batch: Batch, is_first: npt.NDArray[np.bool_] | None = None) -> bytes:
        """One line each, in the order of the batch, time in ms; the same batch gives the same bytes.

        ``is_first``: where nothing was ever stored under this identity; None where that is not known of any.
        """
        self._keys += [_key(series) for _, series in self._table.since(len(self._keys))]
        values = _written(batch.number)
        if batch.text:
            values = [
                value if text is None else _string(text).encode()
                for value, text in zip(values, batch.text, strict=True)
            ]
        parts = [b""] * (4 * len(batch))
        parts[0::4] = map(self._keys.__getitem__, batch.series.tolist())
        parts[1::4] = values
        parts[2::4] = islice(self._marks_of(batch, is_first), len(batch))
        parts[3::4] = _written(batch.at)
        return b"".join(parts)[1:]  # each line begins with what ends the one before

    def _marks_of(self, batch: Batch, is_first: npt.NDArray[np.bool_] | None) -> Iterator[bytes]:
        first: Iterable[bool] = repeat(False) if is_first is None else is_first.tolist()
        columns = [getattr(batch, name) for name in MARKS]
        if not any(columns):
            return map((self._marks[False, "", "", "", ""], self._marks[True, "", "", "", ""]).__getitem__, first)
        return map(self._marks.__getitem__, zip(first, *(column or repeat("") for column in columns), strict=False))


_Marks = tuple[bool, str, str, str, str]
"""Whether it is the first of its identity, and ``MARKS``."""


class _Remembered(dict[_Marks, bytes]):
    def __init__(self, make: Callable[[_Marks], bytes]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, marks: _Marks) -> bytes:
        made = self._make(marks)
        if len(self) < 100_000:  # sources are text of the publishers
            self[marks] = made
        return made


def _written(numbers: npt.NDArray[np.float64] | npt.NDArray[np.int64]) -> list[bytes]:
    """Each as Python writes it; what is not finite as ``null``."""
    return orjson.dumps(numbers, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",") if len(numbers) else []


def _key(series: Series) -> bytes:
    thing, quantity, period = series
    field = field_of(kind_of(quantity))
    return f"\n{MEASUREMENT},period={period},quantity={_tag(quantity)},thing={_tag(thing)} {field}=".encode()


def _marks(marks: _Marks) -> bytes:
    is_first, *words = marks
    if is_first and not any(words):
        return b" "
    return ("".join(f",{name}={_string(word)}" for name, word in zip(MARKS, words, strict=True)) + " ").encode()


def field_of(kind: Kind) -> str:
    """The one field that holds the values of a series."""
    return "number" if kind.is_number or kind.kind == "flags" else kind.kind


def observation_of(series: Series, row: dict[str, Any]) -> Observation:
    """``row`` holds ``time`` in ms and the fields of one point."""
    kind = kind_of(series.quantity)
    field = field_of(kind)
    stored = row[field]
    value = read_value(kind, float(stored), None) if field == "number" else read_value(kind, None, stored)
    quality, censored, source, derived = (row[name] or "" for name in MARKS)
    return Observation(series, row["time"], value, quality, censored, source, derived)


def quoted(text: str) -> str:
    """A string of InfluxQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _tag(text: str) -> str:
    return text.replace(",", "\\,").replace("=", "\\=").replace(" ", "\\ ")


def _string(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' if text else '""'
