"""How are ordinary reading messages read by the compiled part? Octets in, columns out, for hundreds in one call."""

import ctypes
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import randbits
from typing import Any

import numpy as np
import numpy.typing as npt

from collector.compiled import address_of
from collector.messages.message import FUTURE, PAST, SKEW
from collector.series.batch import Int32s, Int64s
from collector.series.series_table import SeriesTable
from firmware.contract import LARGEST
from firmware.wire_json import DIGITS

C_SOURCE = Path(__file__).with_name("reader.c")
MOST_WORDS = 1 << 20  # things, quantities of things, outboxes and sources; then all are forgotten and learned anew
MOST_LETTERS = 32 << 20  # bytes of them
LEAST = 6  # bytes that a value takes at least: "x":0,

Int8s = npt.NDArray[np.int8]
_WORD = np.dtype([("scope", "u8"), ("begin", "u4"), ("size", "u4"), ("hash", "u4"), ("number", "i4")])
_POINTER, _INT64, _DOUBLE = ctypes.c_void_p, ctypes.c_int64, ctypes.c_double


class _Words(ctypes.Structure):
    """``Words`` of words.h."""

    _fields_ = (
        *((name, _POINTER) for name in ("words", "letters", "slots")),
        *((name, _INT64) for name in ("word_count", "word_room", "letter_count", "letter_room")),
        *((name, ctypes.c_uint64) for name in ("mask", "seed")),
    )


class _Run(ctypes.Structure):
    """``Run`` of reader.c."""

    _fields_ = (
        *((name, _POINTER) for name in ("octets", "ends", "publishers", "received")),
        ("messages", _INT64),
        *((name, _POINTER) for name in ("is_measured", "has_number", "low", "high")),
        *((name, _INT64) for name in ("past", "future", "skew", "most_whole")),
        ("largest", _DOUBLE),
        ("room", _INT64),
        *((name, _POINTER) for name in ("is_taken", "outboxes", "seqs", "begins")),
        *((name, _POINTER) for name in ("series", "at", "number", "texts", "sources")),
        *((name, _POINTER) for name in ("quality", "censored", "derived")),
    )


@dataclass(frozen=True, slots=True)
class Columns:
    """What was read: four arrays by message, and behind them eight by observation."""

    is_taken: npt.NDArray[np.bool_]
    outboxes: Int32s
    """Numbers of words; -1 where there is none."""
    seqs: Int64s
    """0 where there is none."""
    begins: Int64s
    """Where the observations of each message begin; and behind the last message, where they end."""
    series: Int32s
    at: Int64s
    number: npt.NDArray[np.float64]
    """NaN where it is a text."""
    texts: Int32s
    """Numbers of words; -1 where it is a number."""
    sources: Int32s
    """Numbers of words; -1 where there is none."""
    quality: Int8s
    """By place in ``contract.QUALITIES``, from 1; 0 is valid."""
    censored: Int8s
    """By place in ``contract.CENSORED``, from 1; 0 is neither."""
    derived: Int8s
    """By place in ``observation.DERIVED``."""


_BY_MESSAGE = (("is_taken", np.bool_), ("outboxes", np.int32), ("seqs", np.int64), ("begins", np.int64))
_BY_OBSERVATION = (
    *(("series", np.int32), ("at", np.int64), ("number", np.float64), ("texts", np.int32), ("sources", np.int32)),
    *(("quality", np.int8), ("censored", np.int8), ("derived", np.int8)),
)

THING, QUANTITY, OUTBOX, SOURCE, CODE = range(5)  # what a word is: the lowest bits of its scope; as in reader.c
NO_ROOM = -1


def things_of(publisher: int) -> int:
    return publisher << 3 | THING


def outboxes_of(publisher: int) -> int:
    return publisher << 3 | OUTBOX


def quantities_of(thing: int, period: int) -> int:
    """64 bits hold it: a thing is one of ``MOST_WORDS``, a period is at most 10^12 ms."""
    return (thing << 40 | period) << 3 | QUANTITY


def codes_of(series: int) -> int:
    return series << 3 | CODE


class OrdinaryReader:
    """Knows what it was told, and reads messages in which there is nothing else. One thread at a time."""

    def __init__(self, library: ctypes.CDLL, table: SeriesTable) -> None:
        self._table = table
        self._take = library.take
        self._take.restype = _INT64
        self._take.argtypes = (ctypes.POINTER(_Words), ctypes.POINTER(_Run))
        self._learn = library.learn
        self._learn.restype = ctypes.c_int32
        self._learn.argtypes = (
            ctypes.POINTER(_Words), ctypes.c_uint64, ctypes.c_char_p, ctypes.c_uint32, ctypes.c_int32
        )  # fmt: skip
        self._run = _Run(past=PAST, future=FUTURE, skew=SKEW, most_whole=10**DIGITS, largest=LARGEST)
        self._out: dict[str, npt.NDArray[Any]] = {}
        self._seed = randbits(64)  # which words collide is another matter in each process
        self.forget()

    def forget(self) -> None:
        """All words; their memory is taken as they come."""
        self._arrays = (
            np.zeros(MOST_WORDS, _WORD),
            np.zeros(MOST_LETTERS, np.uint8),
            np.zeros(2 * MOST_WORDS, np.int32),
        )
        self._words = _Words(
            *map(address_of, self._arrays), 0, MOST_WORDS, 0, MOST_LETTERS, 2 * MOST_WORDS - 1, self._seed
        )

    def learn(self, scope: int, word: str, number: int) -> int:
        """The number that a word has in a scope: this one, where it was not known.

        ``NO_ROOM`` when there is none left, another negative number when this word is never found.
        """
        octets = word.encode()
        return int(self._learn(self._words, scope, octets, len(octets), number))

    def read(self, payloads: Sequence[bytes], publishers: Int32s, received: Int64s) -> Columns:
        """``received`` in ms UTC, of each message; of messages that are not taken there are no observations."""
        run, table, count = self._run, self._table, len(payloads)
        octets = np.frombuffer(b"\0".join((*payloads, b"")), np.uint8)
        ends = np.cumsum(np.fromiter(map(len, payloads), np.int64, count) + 1) - 1
        self._make_room(_BY_MESSAGE, count + 1)
        self._make_room(_BY_OBSERVATION, len(octets) // LEAST + 1)
        run.messages = count
        run.room = len(self._out["series"])
        run.octets, run.ends = address_of(octets), address_of(ends)
        run.publishers, run.received = address_of(publishers), address_of(received)
        run.is_measured, run.has_number = address_of(table.is_measured), address_of(table.has_number)
        run.low, run.high = address_of(table.low), address_of(table.high)
        found = self._take(self._words, run)
        sizes = {name: count for name, _ in _BY_MESSAGE} | {name: found for name, _ in _BY_OBSERVATION}
        sizes["begins"] = count + 1
        return Columns(**{name: self._out[name][:size].copy() for name, size in sizes.items()})

    def _make_room(self, columns: Iterable[tuple[str, type[np.generic]]], count: int) -> None:
        for name, kind in columns:
            if name not in self._out or len(self._out[name]) < count:
                self._out[name] = np.empty(2 * count, kind)
                setattr(self._run, name, address_of(self._out[name]))
