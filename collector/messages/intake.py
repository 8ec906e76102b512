"""What do the messages of one commit amount to? Observations, what is held, results, and what the ledger is told."""

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from collector.ledger import Arrivals, Key
from collector.messages.decode import parse
from collector.messages.ordinary.bulk import Taken
from collector.messages.quarantine import Held
from collector.observation import Observation
from collector.series.batch import Batch
from collector.series.series_table import SeriesTable
from firmware import contract


class Origin(NamedTuple):
    """Where an observation came from; ``received`` in ms UTC."""

    topic: str
    publisher: str
    received: int
    outbox: str = ""
    seq: int = 0


class Intake:
    """What the messages of one commit amount to, in order of arrival."""

    def __init__(self, table: SeriesTable) -> None:
        self._table = table
        self._parts: list[Batch] = []
        self._length = 0  # of all parts
        self._origins: list[tuple[int, Origin | Taken]] = []  # where a message, or a run of them, begins
        self._singly: list[Observation] = []  # behind the parts
        self.online: dict[str, Observation] = {}
        self.arrivals: dict[Key, Arrivals] = {}
        self.held: list[Held] = []
        self.results: list[dict[str, object]] = []

    def arrival(self, publisher: str, outbox: str) -> Arrivals:
        key = publisher, outbox
        if key not in self.arrivals:
            self.arrivals[key] = Arrivals(set(), set())
        return self.arrivals[key]

    def add(self, origin: Origin, observations: Iterable[Observation]) -> None:
        self._origins.append((self._length + len(self._singly), origin))
        self._singly += observations

    def add_run(self, run: Taken) -> None:
        self._close_singly()
        self._origins.append((self._length, run))
        self._parts.append(run.observations)
        self._length += len(run.observations)
        for key, numbers in run.numbers.items():
            self.arrival(*key).stored.update(numbers)

    def hold(self, origin: Origin, content: bytes, reason: str, *, whole: bool = False) -> None:
        publisher, received = origin.publisher, origin.received
        place = (origin.outbox, origin.seq) if origin.seq else (None, None)
        self.held.append(Held(publisher, origin.topic, received, content, whole, reason, *place))
        if origin.seq:
            self.arrival(publisher, origin.outbox).quarantined.add(origin.seq)

    @property
    def observations(self) -> Batch:
        self._close_singly()
        return Batch.joined(self._table, self._parts)

    def origin_of(self, position: int) -> Origin:
        begin, origin = self._origins[bisect_right(self._origins, position, key=lambda pair: pair[0]) - 1]
        if isinstance(origin, Origin):
            return origin
        index = int(np.searchsorted(origin.begins, position - begin, side="right")) - 1
        message = origin.messages[index]
        decoded = parse(message.payload)
        _, publisher, _ = contract.split_topic(message.topic)
        return Origin(message.topic, publisher, message.received, decoded.outbox, decoded.seq)

    def note(self, origin: Origin) -> None:
        """Its sequence number is stored, unless a reading of it is held."""
        arrival = self.arrival(origin.publisher, origin.outbox)
        if origin.seq not in arrival.quarantined:
            arrival.stored.add(origin.seq)

    def _close_singly(self) -> None:
        if self._singly:
            self._parts.append(Batch.of(self._table, self._singly))
            self._length += len(self._singly)
            self._singly = []
