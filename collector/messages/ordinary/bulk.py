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

from collector.entities.registry import Registry
from collector.messages.decode import ReadingMessage
from collector.messages.message import Message
from collector.messages.ordinary.reader import (
    MOST_WORDS,
    NO_ROOM,
    SOURCE,
    Columns,
    OrdinaryReader,
    codes_of,
    outboxes_of,
    quantities_of,
    things_of,
)
from collector.observation import DERIVED, Series
from collector.series.batch import Batch, Int32s, Int64s
from collector.series.series_table import SeriesTable
from firmware import contract
from firmware.contract import ContractError

_QUALITIES = ("", *contract.QUALITIES)
_CENSORED = ("", *contract.CENSORED)


class _UnlearnableError(Exception):
    """A word that can't be learned; what follows in its message is not."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


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
        if self._reader is None or self._publishers[topic] < 0:
            return
        try:
            self._learn(self._reader, self._publishers[topic], message)
        except _UnlearnableError as error:
            self._has_room = self._has_room and error.number != NO_ROOM
        if max(len(self._outboxes), len(self._sources), len(self._codes)) > MOST_WORDS:
            self._has_room = False

    def _learn(self, reader: OrdinaryReader, publisher: int, message: ReadingMessage) -> None:
        if message.outbox:
            whose = (self._publishers.names[publisher], message.outbox)
            _number(reader, outboxes_of(publisher), message.outbox, self._outboxes, whose)
        for reading in message.readings:
            thing = _checked(reader.learn(things_of(publisher), reading.thing, self._things))
            self._things += thing == self._things
            if reading.source:
                _number(reader, SOURCE, reading.source, self._sources, reading.source)
            for quantity, value in reading.values.items():
                series = self._table.admit(Series(reading.thing, quantity, reading.period))
                _checked(reader.learn(quantities_of(thing, reading.period), quantity, series))
                if self._table.kinds[series].kind == "code":
                    _number(reader, codes_of(series), value, self._codes, value)

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

    def _numbers(self, outboxes: Int32s, seqs: Int64s) -> dict[tuple[str, str], set[int]]:
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


def _number(reader: OrdinaryReader, scope: int, word: str, known: list[Any], new: object) -> None:
    """A word's number is the place of ``new`` among those known."""
    if _checked(reader.learn(scope, word, len(known))) == len(known):
        known.append(new)


def _checked(number: int) -> int:
    if number < 0:
        raise _UnlearnableError(number)
    return number


def _marks(places: npt.NDArray[np.int8], words: Sequence[str]) -> list[str] | None:
    return list(map(words.__getitem__, places.tolist())) if places.any() else None


def _words(numbers: Int32s, words: list[str], empty: str | None) -> list[Any] | None:
    """``empty`` where the number is -1."""
    if (numbers < 0).all():
        return None
    return [empty if number < 0 else words[number] for number in numbers.tolist()]
