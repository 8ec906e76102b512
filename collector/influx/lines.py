"""How do observations look as lines of InfluxDB's protocol, and as rows of its answers? Pure."""

from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from typing import Any

from collector.batch import MARKS, Batch, read_value
from collector.observation import Kind, Observation, Series, kind_of
from collector.series_table import SeriesTable

MEASUREMENT = "observation"
FIELDS = ("number", "code", "text", "position", "quality", "censored", "source", "derived")


class LineMaker:
    """Makes lines of the observations of one table. What is the same in many lines is escaped once.

    Every line of a series writes the same fields, so that nothing of an older version shines through; a number is
    always a float, because a field of InfluxDB never changes its type. Belongs to the one writer.
    """

    def __init__(self, table: SeriesTable) -> None:
        self._table = table
        self._keys: list[str] = []  # by the numbers of the table
        self._marks = _Remembered(_marks)

    def lines_of(self, batch: Batch) -> bytes:
        """One line each, in the order of the batch, time in ms; the same batch gives the same bytes."""
        self._keys += [_key(series) for _, series in self._table.since(len(self._keys))]
        keys, numbers, instants = self._keys, batch.number.tolist(), batch.at.tolist()
        values: Iterable[str] = map(repr, numbers)
        if batch.text:
            values = [
                repr(number) if text is None else _string(text)
                for number, text in zip(numbers, batch.text, strict=True)
            ]
        return "\n".join(
            [
                f"{keys[series]}{value}{marks}{at}"
                for series, value, marks, at in zip(
                    batch.series.tolist(), values, self._marks_of(batch), instants, strict=False
                )
            ]
        ).encode()

    def _marks_of(self, batch: Batch) -> Iterator[str]:
        columns = [getattr(batch, name) for name in MARKS]
        if not any(columns):
            return repeat(self._marks["", "", "", ""])
        return map(self._marks.__getitem__, zip(*(column or repeat("") for column in columns), strict=False))


class _Remembered(dict[tuple[str, str, str, str], str]):
    def __init__(self, make: Callable[[tuple[str, str, str, str]], str]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, marks: tuple[str, str, str, str]) -> str:
        made = self._make(marks)
        if len(self) < 100_000:  # sources are text of the publishers
            self[marks] = made
        return made


def _key(series: Series) -> str:
    thing, quantity, period = series
    field = field_of(kind_of(quantity))
    return f"{MEASUREMENT},period={period},quantity={_tag(quantity)},thing={_tag(thing)} {field}="


def _marks(marks: tuple[str, str, str, str]) -> str:
    return "".join(f",{name}={_string(mark)}" for name, mark in zip(MARKS, marks, strict=True)) + " "


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
