"""How are ordinary readings taken, hundreds at once? In columns; what is not ordinary is left to who takes one by one.

Ordinary is what was accepted one by one before, with other numbers in it: the same topic, outbox, thing, period,
quantities and source. Nothing is refused here, so there is one place that refuses.
"""

from collections.abc import Iterator, Mapping, Sequence
from ctypes import CDLL
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from collector.batch import Batch, Int64s
from collector.decode import ReadingMessage
from collector.message import Message
from collector.observation import DERIVED, Series
from collector.ordinary import (
    MOST_WORDS,
    SOURCE,
    Columns,
    OrdinaryReader,
    codes_of,
    outboxes_of,
    quantities_of,
    things_of,
)
from collector.registry import Registry
from collector.series_table import SeriesTable
from firmware import contract
from firmware.contract import ContractError

_QUALITIES = ("", *contract.QUALITIES)
_CENSORED = ("", *contract.CENSORED)


@dataclass(frozen=True, slots=True)
class Taken:
    """The observations of a run of messages, and which messages they came with."""

    observations: Batch
    messages: Sequence[Message]
    begins: Int64s
    """Where in ``observations`` each message begins."""
    numbers: Mapping[tuple[str, str], set[int]]
    """(publisher, outbox) -> sequence numbers."""


class Bulk:
    """Learns what is ordinary under this registry; one that changes needs a new one. One writer uses it."""

    def __init__(self, registry: Registry, table: SeriesTable, library: CDLL | None) -> None:
        self._table = table
        self._publishers = _Publishers(registry)
        self._reader = OrdinaryReader(library, table) if library else None
        self._has_room = True
        self._forget()

    def _forget(self) -> None:
        self._has_room = True
        self._things = 0  # numbered so far
        self._outboxes: list[tuple[str, str]] = []  # by number; and so the two that follow
        self._sources: list[str] = []
        self._codes: list[str] = []

    def sort_out(self, messages: Sequence[Message]) -> tuple[Sequence[Message], Sequence[Message]]:
        """Those of readings that a registered publisher publishes in its place, and all others.

        Nothing that ``take`` began may go on afterwards.
        """
        if self._reader and not self._has_room:
            self._reader.forget()
            self._forget()
        numbers = list(map(self._publishers.__getitem__, map(itemgetter(0), messages)))
        if -1 not in numbers:
            return messages, ()
        ordinary: list[Message] = []
        others: list[Message] = []
        for number, message in zip(numbers, messages, strict=True):
            (others if number < 0 else ordinary).append(message)
        return ordinary, others

    def take(self, messages: Sequence[Message]) -> Iterator[Taken | Sequence[Message]]:
        """In their order: what was taken, and between that the messages that are to be taken one by one.

        ``sort_out`` has found them ordinary. What is learned meanwhile counts from the next call on.
        """
        if self._reader is None or not messages:
            yield messages
            return
        topics, payloads, received = zip(*messages, strict=True)
        publishers = np.fromiter(map(self._publishers.__getitem__, topics), np.int32, len(topics))
        columns = self._reader.read(payloads, publishers, np.fromiter(received, np.int64, len(topics)))
        edges = np.flatnonzero(columns.is_taken[1:] != columns.is_taken[:-1]) + 1
        for begin, end in pairwise((0, *edges.tolist(), len(messages))):
            several = messages[begin:end]
            yield self._taken(columns, several, begin) if columns.is_taken[begin] else several

    def learn(self, topic: str, message: ReadingMessage) -> None:
        """This was accepted, all of it; its topic is ordinary."""
        reader, publisher = self._reader, self._publishers[topic]
        if reader is None or publisher < 0:
            return
        numbers = []
        if message.outbox:
            whose = (self._publishers.names[publisher], message.outbox)
            numbers.append(_number(reader, outboxes_of(publisher), message.outbox, self._outboxes, whose))
        for reading in message.readings:
            thing = reader.learn(things_of(publisher), reading.thing, self._things)
            self._things += thing == self._things
            numbers.append(thing)
            if reading.source:
                numbers.append(_number(reader, SOURCE, reading.source, self._sources, reading.source))
            for quantity, value in reading.values.items():
                series = self._table.admit(Series(reading.thing, quantity, reading.period))
                numbers.append(reader.learn(quantities_of(max(thing, 0), reading.period), quantity, series))
                if self._table.kinds[series].kind == "code":
                    numbers.append(_number(reader, codes_of(series), value, self._codes, value))
        most = max(len(self._outboxes), len(self._sources), len(self._codes))
        if min(numbers) < 0 or most > MOST_WORDS:
            self._has_room = False

    def _taken(self, columns: Columns, messages: Sequence[Message], first: int) -> Taken:
        """``messages`` stand from ``first`` on in what the columns were read from."""
        whose = slice(first, first + len(messages))
        begins = columns.begins[first : first + len(messages) + 1]
        which = slice(int(begins[0]), int(begins[-1]))
        observations = Batch(
            self._table,
            columns.series[which],
            columns.at[which],
            columns.number[which],
            _words(columns.texts[which], self._codes, None),
            _marks(columns.quality[which], _QUALITIES),
            _marks(columns.censored[which], _CENSORED),
            _words(columns.sources[which], self._sources, ""),
            _marks(columns.derived[which], DERIVED),
        )
        numbers = self._numbers(columns.outboxes[whose], columns.seqs[whose])
        return Taken(observations, messages, begins[:-1] - begins[0], numbers)

    def _numbers(self, outboxes: npt.NDArray[np.int32], seqs: Int64s) -> dict[tuple[str, str], set[int]]:
        order = np.argsort(outboxes, kind="stable")
        sorted_ = outboxes[order]
        edges = np.flatnonzero(sorted_[1:] != sorted_[:-1]) + 1
        return {
            self._outboxes[sorted_[begin]]: set(seqs[order[begin:end]].tolist())
            for begin, end in pairwise((0, *edges.tolist(), len(order)))
            if sorted_[begin] >= 0
        }


class _Publishers(dict[str, int]):
    """Topic -> the number of the registered publisher whose readings come there, or -1."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self.names: list[str] = []

    def __missing__(self, topic: str) -> int:
        try:
            city, publisher, channel = map(str, contract.split_topic(topic))
        except ContractError:
            return -1
        if channel != "reading" or city != self._registry.city or publisher not in self._registry.publishers:
            return -1  # not remembered: anyone can make up topics
        self.names.append(publisher)
        self[topic] = len(self.names) - 1
        return self[topic]


def _number(reader: OrdinaryReader, scope: int, word: str, known: list[Any], new: object) -> int:
    """The place of a word among those known; ``new`` is put there where it is not."""
    number = reader.learn(scope, word, len(known))
    if number == len(known):
        known.append(new)
    return number


def _marks(places: npt.NDArray[np.int8], words: Sequence[str]) -> list[str] | None:
    return list(map(words.__getitem__, places.tolist())) if places.any() else None


def _words(numbers: npt.NDArray[np.int32], words: list[str], empty: str | None) -> list[Any] | None:
    """``empty`` where the number is -1."""
    if (numbers < 0).all():
        return None
    return list(map([*words, empty].__getitem__, numbers.tolist()))  # -1 is the last
