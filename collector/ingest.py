"""What becomes of a batch of messages? Decoded, checked, committed; only then may anything be acknowledged."""

import json
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from collector import ranges
from collector.batch import Batch, Positions
from collector.city import City
from collector.decode import Reading, decode, parse, reading_of
from collector.ledger import Arrivals, Key
from collector.limits import load_limits
from collector.marking import Marked, Marking
from collector.message import FUTURE, PAST, SKEW, Message
from collector.metadata import insert, result
from collector.observation import Observation, Series, kind_of
from collector.ordinary.bulk import Bulk, Taken
from collector.ordinary.compiled import library
from collector.quarantine import Held
from collector.ranges import Ranges
from collector.series_table import SeriesTable
from collector.state import ONLINE, observe_state
from collector.stores import Added
from firmware import contract, orders
from firmware.contract import ContractError

CHUNK = 1000  # messages taken at once
SOME = 64  # messages taken one by one before it is tried again to take them at once


class Outcome(NamedTuple):
    """What is durable now, and who may be told."""

    kept: Batch
    receipts: dict[Key, Ranges]
    """(publisher, outbox) -> sequence numbers that are stored or quarantined."""


class _Origin(NamedTuple):
    topic: str
    publisher: str
    received: int
    outbox: str = ""
    seq: int = 0


class _Taken:
    """What the messages of one commit amount to, in order of arrival."""

    def __init__(self, table: SeriesTable) -> None:
        self._table = table
        self._parts: list[Batch] = []
        self._length = 0  # of all parts
        self._origins: list[tuple[int, _Origin | Taken]] = []  # where a message, or a run of them, begins
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

    def add(self, origin: _Origin, observations: Iterable[Observation]) -> None:
        self._origins.append((self._length + len(self._singly), origin))
        self._singly += observations

    def add_run(self, run: Taken) -> None:
        self._close_singly()
        self._origins.append((self._length, run))
        self._parts.append(run.observations)
        self._length += len(run.observations)
        for key, numbers in run.numbers.items():
            self.arrival(*key).stored.update(numbers)

    def hold(self, origin: _Origin, content: bytes, reason: str, *, whole: bool = False) -> None:
        publisher, received = origin.publisher, origin.received
        place = (origin.outbox, origin.seq) if origin.seq else (None, None)
        self.held.append(Held(publisher, origin.topic, received, content, whole, reason, *place))
        if origin.seq:
            self.arrival(publisher, origin.outbox).quarantined.add(origin.seq)

    @property
    def observations(self) -> Batch:
        self._close_singly()
        return Batch.joined(self._table, self._parts)

    def origin_of(self, position: int) -> _Origin:
        begin, origin = self._origins[bisect_right(self._origins, position, key=lambda pair: pair[0]) - 1]
        if isinstance(origin, _Origin):
            return origin
        index = int(np.searchsorted(origin.begins, position - begin, side="right")) - 1
        message = origin.messages[index]
        decoded = parse(message.payload)
        _, publisher, _ = contract.split_topic(message.topic)
        return _Origin(message.topic, publisher, message.received, decoded.outbox, decoded.seq)

    def _close_singly(self) -> None:
        if self._singly:
            self._parts.append(Batch.of(self._table, self._singly))
            self._length += len(self._singly)
            self._singly = []


class Ingest:
    """The one writer. Everything here blocks: it runs in a thread of its own."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._topics: dict[str, tuple[str, str, str]] = {}
        self._publishers = city.registry.publishers
        self._bulk = Bulk(city.registry, city.store.table, library())
        self._marking = Marking(city.store.table, city.store.latest().values(), load_limits())
        self._seen: set[int] = set()  # numbers of the series that have a datastream

    def commit(self, messages: Sequence[Message], now: int) -> Outcome:
        """Return once everything is durable; ``now`` in ms UTC.

        Raises StoreError or sqlalchemy's DBAPIError: then nothing may be acknowledged, and the same batch is
        given again. Committing twice equals committing once.
        """
        batch = _Taken(self._city.store.table)
        self._take_all(batch, messages)
        kept = self._write(batch, now, freed=())
        receipts = {
            key: ranges.of(arrival.stored | arrival.quarantined)
            for key, arrival in batch.arrivals.items()
            if arrival.stored or arrival.quarantined
        }
        return Outcome(kept, receipts)

    def release(self, now: int, publisher: str | None = None) -> list[Observation]:
        """Try everything held once more, after its cause was mended; what is still refused stays held."""
        released: list[Observation] = []
        after, newest = 0, self._city.quarantine.newest()
        while after < newest and (page := self._city.quarantine.held(publisher, limit=500, after=after)):
            after = page[-1].id  # what a store refuses now is held anew, behind the newest: not again in this round
            batch, freed = _Taken(self._city.store.table), []
            for one in page:
                before = len(batch.held)
                self._retry(batch, one, now)
                refused = batch.held[before:]
                if refused and refused[0].whole == one.whole:
                    del batch.held[before:]  # it is held already
                else:
                    freed.append(one)
            if freed:
                released += self._write(batch, now, freed)
        return released

    def enter(self, readings: Sequence[Reading], now: int) -> tuple[Batch, list[str]]:
        """Store what somebody enters at ``now`` (ms UTC); durable on return.

        Returns what was kept, and for each reading why it can't be stored, or "". No publisher speaks, so whether the
        one who enters it may is asked elsewhere; nothing is quarantined. Raises StoreError or DBAPIError: then the same
        may be entered again. Entering twice equals entering once.
        """
        batch = _Taken(self._city.store.table)
        reasons = []
        places: list[int] = []  # of each observation
        for place, reading in enumerate(readings):
            reason = self.why_not(reading, now)
            if not reason:
                batch.add(_Origin("", "", now), self._observations(reading, now))
                places += [place] * len(reading.values)
            reasons.append(reason)
        marked, added, staying = self._add(batch, now)
        self._marking.take(marked)
        self._count(marked, added)
        left = range(len(places)) if staying is None else staying.tolist()
        for position in set(range(len(places))).difference(left):
            reasons[places[position]] = "was erased"
        for position, reason in added.refused:
            reasons[places[left[position]]] = reason
        return added.kept, reasons

    def why_not(self, reading: Reading, now: int) -> str:
        """Why this can't be entered at ``now``; "" where only the store could still refuse it."""
        return _out_of_time(reading.at, now) or self._too_many(reading)

    def _retry(self, batch: _Taken, one: Held, now: int) -> None:
        if one.whole:
            self._take(batch, Message(one.topic, one.content, now))
            return
        origin = _Origin(one.topic, one.publisher, now, one.outbox or "", one.seq or 0)
        self._take_plain(batch, origin, json.loads(one.content))
        if origin.seq:
            _arrived(batch, origin)

    def _write(self, batch: _Taken, now: int, freed: Sequence[Held]) -> Batch:
        city = self._city
        erasures = city.access.erasures
        batch.held = [one for one in batch.held if one.whole or not erasures.covers(one.content)]
        marked, added, staying = self._add(batch, now)
        for position, reason in added.refused:
            origin = batch.origin_of(position if staying is None else int(staying[position]))
            batch.hold(origin, _as_reading(marked.observations[position]), reason)
        with city.engine.begin() as connection:
            city.quarantine.let_go(connection, freed)  # first: what is refused again is held again
            city.quarantine.hold(connection, batch.held)
            for free in freed:
                if free.seq and city.quarantine.holds(connection, free.publisher, free.outbox, free.seq):
                    batch.arrivals[free.publisher, free.outbox or ""].quarantined.add(free.seq)
            _keep_results(connection, batch.results)
            known = {key: one for key, one in batch.arrivals.items() if key[0] in city.registry.publishers}
            accounts = city.ledger.write(connection, known, now)
        city.ledger.take(accounts)
        self._marking.take(marked)
        self._count(marked, added)
        city.metrics.add("readings_quarantined_total", len(batch.held))
        return added.kept

    def _add(self, batch: _Taken, now: int) -> tuple[Marked, Added, Positions | None]:
        """Into the store, with its marks; every series that is there then has a datastream.

        Also returned is where in the batch those stood that were not erased before; None where all of them stay.
        """
        arrived = batch.observations
        staying = self._city.access.erasures.staying(arrived)
        marked = self._marking.marked(arrived if staying is None else arrived.take(staying))
        added = self._city.store.add(marked.observations, now)
        self._see(np.delete(marked.observations.series, [position for position, _ in added.refused]))
        return marked, added, staying

    def _count(self, marked: Marked, added: Added) -> None:
        metrics = self._city.metrics
        metrics.add("commits_total")
        metrics.add("observations_stored_total", len(added.kept))
        repeated = len(marked.observations) - len(added.kept) - len(added.refused)
        metrics.add("observations_repeated_total", repeated)

    def _see(self, numbers: npt.NDArray[np.int32]) -> None:
        """Every series that has an observation has a datastream, also when a commit before was cut short here."""
        table = self._city.store.table
        new = set(np.unique(numbers).tolist()) - self._seen
        if new:
            self._city.registry.see(table[number] for number in sorted(new))
            self._seen |= new

    # ---- many messages ----------------------------------------------------------------------------------------------

    def _take_all(self, batch: _Taken, messages: Sequence[Message]) -> None:
        """Readings first: MQTT keeps an order within a topic only."""
        if self._publishers is not self._city.registry.publishers:  # the inventory was read again
            self._publishers = self._city.registry.publishers
            self._bulk = Bulk(self._city.registry, self._city.store.table, library())
        ordinary, others = self._bulk.sort_out(messages)
        for start in range(0, len(ordinary), CHUNK):
            self._take_ordinary(batch, ordinary[start : start + CHUNK])
        self._take_each(batch, others)

    def _take_ordinary(self, batch: _Taken, messages: Sequence[Message]) -> None:
        """At once what can be; of a long stretch that cannot, some teach how to take the rest."""
        for part in self._bulk.take(messages):
            if isinstance(part, Taken):
                batch.add_run(part)
                continue
            self._take_each(batch, part[:SOME])
            if len(part) > SOME:
                self._take_ordinary(batch, part[SOME:])

    def _take_each(self, batch: _Taken, messages: Iterable[Message]) -> None:
        for message in messages:
            self._take(batch, message)

    # ---- one message ------------------------------------------------------------------------------------------------

    def _take(self, batch: _Taken, message: Message) -> None:
        try:
            city, publisher, channel = self._split(message.topic)
        except ContractError as error:
            batch.hold(_Origin(message.topic, "", message.received), message.payload, str(error), whole=True)
            return
        if city != self._city.registry.city:
            batch.hold(_Origin(message.topic, "", message.received), message.payload, "topic: another city", whole=True)
            return
        if publisher == "collector":
            return  # our own state, come back
        origin = _Origin(message.topic, publisher, message.received)
        try:
            if channel == "reading":
                self._take_readings(batch, origin, message.payload)
            elif channel == "state":
                self._take_state(batch, origin, message.payload)
            elif channel == "result":
                _take_result(batch, origin, message.payload)
        except ContractError as error:
            batch.hold(origin, message.payload, str(error), whole=True)

    def _split(self, topic: str) -> tuple[str, str, str]:
        """As ``contract.split_topic``, once per topic: a city has some thousands of them, and publishes all day."""
        parts = self._topics.get(topic)
        if parts is None:
            parts = contract.split_topic(topic)
            if len(self._topics) < 100_000:
                self._topics[topic] = parts
        return parts

    def _take_readings(self, batch: _Taken, origin: _Origin, payload: bytes) -> None:
        try:
            message = decode(payload)
        except ContractError as error:
            self._salvage(batch, origin, payload, error)
            return
        origin = origin._replace(outbox=message.outbox, seq=message.seq)
        held = len(batch.held)
        for reading in message.readings:
            self._take_reading(batch, origin, reading)
        if len(batch.held) == held:
            self._bulk.learn(origin.topic, message)
        if origin.seq:
            _arrived(batch, origin)

    def _salvage(self, batch: _Taken, origin: _Origin, payload: bytes, error: ContractError) -> None:
        """One reading is wrong, or the frame around them: keep each good one, hold the others, each for its reason."""
        try:
            message = json.loads(payload)
            readings = message["readings"]
        except (ValueError, RuntimeError, TypeError, KeyError):
            raise error from None
        if "outbox" in message or "seq" in message:
            contract.check_id("outbox", message.get("outbox"))
            seq = message.get("seq")
            if type(seq) is not int or not 0 < seq <= 2**53:
                raise error
            origin = origin._replace(outbox=message["outbox"], seq=seq)
        if type(readings) is not list or not readings or message.keys() - {"outbox", "seq", "readings"}:
            batch.hold(origin, payload, str(error), whole=True)
            return
        for reading in readings:
            self._take_plain(batch, origin, reading)
        if origin.seq:
            _arrived(batch, origin)

    def _take_plain(self, batch: _Taken, origin: _Origin, plain: Any) -> None:
        try:
            reading = reading_of(plain)
        except ContractError as error:
            batch.hold(origin, json.dumps(plain).encode(), str(error))
        else:
            self._take_reading(batch, origin, reading)

    def _take_reading(self, batch: _Taken, origin: _Origin, reading: Reading) -> None:
        reason = self._refusal(origin, reading)
        if reason:
            batch.hold(origin, msgspec.json.encode(reading), reason)
            return
        batch.add(origin, self._observations(reading, origin.received))

    def _observations(self, reading: Reading, received: int) -> list[Observation]:
        skewed = "skewed" if reading.at > received + SKEW else ""
        quality, censored = reading.quality or {}, reading.censored or {}
        observations = []
        for key, value in reading.values.items():
            kind = kind_of(key)
            derived = skewed
            if kind.low is not None and kind.high is not None and not kind.low <= value <= kind.high:
                derived = f"implausible {skewed}".rstrip()
            series = Series(reading.thing, key, reading.period)
            observations.append(
                Observation(
                    series, reading.at, value, quality.get(key, ""), censored.get(key, ""), reading.source, derived
                )
            )
        return observations

    def _refusal(self, origin: _Origin, reading: Reading) -> str:
        publisher = self._city.registry.publishers.get(origin.publisher)
        if publisher is None:
            return "unknown publisher"
        if reading.thing not in publisher.things:
            return "not_yours" if self._city.registry.thing(reading.thing) else "unknown thing"
        return _out_of_time(reading.at, origin.received) or self._too_many(reading)

    def _too_many(self, reading: Reading) -> str:
        try:
            for quantity in reading.values:
                self._city.store.table.admit(Series(reading.thing, quantity, reading.period))
        except ValueError as error:
            return str(error)
        return ""

    def _take_state(self, batch: _Taken, origin: _Origin, payload: bytes) -> None:
        state = contract.decode_state(payload)
        publisher = origin.publisher
        if publisher not in self._city.registry.publishers:
            raise ContractError("unknown publisher")
        if reason := _out_of_time(state["at"], origin.received):
            raise ContractError(reason)
        last = batch.online.get(publisher) or self._city.store.last(Series(publisher, ONLINE))
        observations = observe_state(publisher, state, last, origin.received)
        try:
            for one in observations:
                self._city.store.table.admit(one.series)
        except ValueError as error:
            raise ContractError(str(error)) from None
        batch.add(origin, observations)
        for one in observations:
            if one.series.quantity == ONLINE:
                batch.online[publisher] = one
        if "outbox" in state:
            arrival = batch.arrival(publisher, state["outbox"])
            arrival.next_seq = max(arrival.next_seq, state.get("next_seq", 1))
            arrival.dropped = ranges.union(arrival.dropped, map(tuple, state.get("dropped", ())))


def _out_of_time(at: int, received: int) -> str:
    """Why it is held; "" when it is not."""
    if at > received + FUTURE:
        return "at: more than 24 h in the future"
    return "at: more than 20 years ago" if at < received - PAST else ""


def _as_reading(one: Observation) -> bytes:
    """One observation as the reading it came in, as JSON."""
    thing, quantity, period = one.series
    plain = {"thing": thing, "at": one.at, "values": {quantity: one.value}, "period": period, "source": one.source}
    marks = {"quality": one.quality, "censored": one.censored}
    plain |= {name: {quantity: mark} for name, mark in marks.items() if mark}
    return msgspec.json.encode({name: part for name, part in plain.items() if part})


def _take_result(batch: _Taken, origin: _Origin, payload: bytes) -> None:
    message = orders.decode_result(payload)
    batch.results.append(
        {
            "publisher": origin.publisher,
            "command": message["id"],
            "status": message["status"],
            "received": origin.received,
            "digest": sha256(payload).hexdigest(),
            "payload": payload,
        }
    )
    if "seq" in message:
        origin = origin._replace(outbox=message["outbox"], seq=message["seq"])
        _arrived(batch, origin)


def _arrived(batch: _Taken, origin: _Origin) -> None:
    arrival = batch.arrival(origin.publisher, origin.outbox)
    if origin.seq not in arrival.quarantined:
        arrival.stored.add(origin.seq)


def _keep_results(connection: Connection, results: list[dict[str, object]]) -> None:
    if results:
        connection.execute(insert(connection, result).on_conflict_do_nothing(), results)
