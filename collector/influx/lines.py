"""How do observations look as lines of InfluxDB's protocol, and as rows of its answers? Pure."""

import ctypes
from collections.abc import Callable, Hashable, Iterable
from itertools import repeat
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import orjson

from collector.compiled import address_of
from collector.observation import Kind, Observation, Series, kind_of
from collector.series.batch import MARKS, Batch, Int32s, Int64s, read_value
from collector.series.series_table import SeriesTable

C_SOURCE = Path(__file__).with_name("lines.c")
MOST_WORDS = 20_000  # texts, and what follows a value; then all are forgotten
MOST_DIGITS = 24  # of a number or a time, with sign, point and exponent
MEASUREMENT = "observation"
FIELDS = ("number", "code", "text", "position", "quality", "censored", "source", "derived")


class LineMaker:
    """Makes lines of the observations of one table. What is the same in many lines is escaped once.

    A line writes its value and four marks, also those it has not, so that nothing of an older version shines through.
    Where there is no older version and no mark, the value alone is written: each field costs InfluxDB as much as the
    point itself. A number is always a float, because a field of InfluxDB never changes its type. Belongs to the one
    writer.
    """

    def __init__(self, table: SeriesTable, compiled: ctypes.CDLL | None = None) -> None:
        """``compiled``: of ``C_SOURCE``; without it the same lines are made, slower."""
        self._table = table
        self._keys = _Words(_key)  # by the numbers of the table
        self._texts: _Words[str] = _Words(lambda text: _string(text).encode())
        self._tails = _Words(_tail)
        self._compiled = _Compiled(compiled) if compiled else None

    def lines_of(self, batch: Batch, is_first: npt.NDArray[np.bool_] | None = None) -> bytes:
        """One line each, in the order of the batch, time in ms; the same batch gives the same bytes.

        ``is_first``: where nothing was ever stored under this identity; None where that is not known of any.
        """
        for _, series in self._table.since(len(self._keys)):
            self._keys.number_of(series)
        for words in (self._texts, self._tails):
            words.forget_if_many()  # texts and sources are the publishers' own
        columns = _Columns(batch.series, self._texts_of(batch), self._tails_of(batch, is_first), batch.number, batch.at)
        made = self._compiled and self._compiled.lines(self._keys, self._texts, self._tails, columns)
        return made or self._joined(columns)

    def _texts_of(self, batch: Batch) -> Int32s:
        """-1 where there is a number."""
        if not batch.text:
            return np.full(len(batch), -1, np.int32)
        number_of = self._texts.number_of
        return np.array([-1 if text is None else number_of(text) for text in batch.text], np.int32)

    def _tails_of(self, batch: Batch, is_first: npt.NDArray[np.bool_] | None) -> Int32s:
        columns = [getattr(batch, name) for name in MARKS]
        if not any(columns):
            both = np.array([self._tails.number_of((first, "", "", "", "")) for first in (False, True)], np.int32)
            return np.full(len(batch), both[0]) if is_first is None else both[is_first.astype(np.intp)]
        first: Iterable[bool] = repeat(False, len(batch)) if is_first is None else is_first.tolist()
        marks = zip(first, *(column or repeat("") for column in columns), strict=False)
        return np.fromiter(map(self._tails.number_of, marks), np.int32, len(batch))

    def _joined(self, columns: "_Columns") -> bytes:
        values = _written(columns.number)
        for place in np.flatnonzero(columns.text >= 0).tolist():
            values[place] = self._texts.all[columns.text[place]]
        parts = [b""] * (4 * len(values))
        parts[0::4] = map(self._keys.all.__getitem__, columns.key.tolist())
        parts[1::4] = values
        parts[2::4] = map(self._tails.all.__getitem__, columns.tail.tolist())
        parts[3::4] = _written(columns.at)
        return b"".join(parts)[1:]  # each line begins with what ends the one before


class _Columns(NamedTuple):
    """Of each line: the numbers of its words, its value and its time."""

    key: Int32s
    text: Int32s
    """-1: the number stands there."""
    tail: Int32s
    number: npt.NDArray[np.float64]
    at: Int64s


_KINDS = (np.int32, np.int32, np.int32, np.float64, np.int64)
Said = TypeVar("Said", bound=Hashable)


class _Words(Generic[Said]):
    """What is written for what is said, each by its number."""

    def __init__(self, write: Callable[[Said], bytes]) -> None:
        self._write = write
        self._numbers: dict[Said, int] = {}
        self.all: list[bytes] = []
        self._letters, self._edges = b"", np.zeros(1, np.int64)

    def __len__(self) -> int:
        return len(self.all)

    def number_of(self, said: Said) -> int:
        number = self._numbers.get(said)
        if number is None:
            number = self._numbers[said] = len(self.all)
            self.all.append(self._write(said))
        return number

    def forget_if_many(self) -> None:
        if len(self.all) > MOST_WORDS:
            self._numbers.clear()
            self.all.clear()
            self._edges = np.zeros(1, np.int64)

    def packed(self) -> tuple[bytes, Int64s]:
        """All of them, and where each begins; behind the last, where it ends."""
        if len(self._edges) != len(self.all) + 1:
            self._letters = b"".join(self.all)
            self._edges = np.cumsum([0, *map(len, self.all)], dtype=np.int64)
        return self._letters, self._edges


class _Layout(ctypes.Structure):
    """``Lines`` of lines.c."""

    _fields_ = (
        *((f"{name}_{part}", ctypes.c_void_p) for name in ("keys", "texts", "tails") for part in ("letters", "edges")),
        *((name, ctypes.c_void_p) for name in _Columns._fields),
        ("count", ctypes.c_int64),
        ("out", ctypes.c_void_p),
    )


class _Compiled:
    """lines.c as Python sees it."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._lines = library.lines
        self._lines.restype = ctypes.c_int64
        self._lines.argtypes = (ctypes.POINTER(_Layout),)
        self._out = np.empty(0, np.uint8)

    def lines(self, keys: "_Words[Series]", texts: "_Words[str]", tails: "_Words[_Marks]", columns: _Columns) -> bytes:
        """Nothing where one of them is not for C."""
        packed = [words.packed() for words in (keys, texts, tails)]
        room = len(columns.at) * 2 * MOST_DIGITS
        for (_, edges), which in zip(packed, (columns.key, columns.text, columns.tail), strict=True):
            room += int(np.diff(edges)[which[which >= 0]].sum())
        if len(self._out) < room:
            self._out = np.empty(2 * room, np.uint8)
        letters = [np.frombuffer(octets or b"\0", np.uint8) for octets, _ in packed]
        places = [address_of(part) for (_, edges), of in zip(packed, letters, strict=True) for part in (of, edges)]
        whole = [np.ascontiguousarray(column, kind) for column, kind in zip(columns, _KINDS, strict=True)]
        size = self._lines(_Layout(*places, *map(address_of, whole), len(columns.at), address_of(self._out)))
        return self._out[1:size].tobytes() if size > 0 else b""


_Marks = tuple[bool, str, str, str, str]
"""Whether it is the first of its identity, and ``MARKS``."""


def _written(numbers: npt.NDArray[np.float64] | npt.NDArray[np.int64]) -> list[bytes]:
    """Each as Python writes it; what is not finite as ``null``."""
    return orjson.dumps(numbers, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",") if len(numbers) else []


def _key(series: Series) -> bytes:
    thing, quantity, period = series
    field = field_of(kind_of(quantity))
    return f"\n{MEASUREMENT},period={period},quantity={_tag(quantity)},thing={_tag(thing)} {field}=".encode()


def _tail(marks: _Marks) -> bytes:
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
