"""What becomes of a batch of messages? Decoded, checked, committed; only then may anything be acknowledged."""

import json
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection
from sqlalchemy.dialects.sqlite import insert

from collector import ranges
from collector.city import City
from collector.decode import Reading, decode, reading_of
from collector.ledger import Arrivals, Key
from collector.metadata import result
from collector.observation import Observation, Series, kind_of
from collector.quarantine import Held
from collector.ranges import Ranges
from collector.state import observe_state
from firmware import contract, orders
from firmware.contract import ContractError

FUTURE = 24 * 3_600_000  # ms: a reading further ahead than this is held
SKEW = 60_000  # ms: a reading further ahead than this is stored, marked


class Message(NamedTuple):
    """One MQTT message as it arrived; ``received`` in ms UTC."""

    topic: str
    payload: bytes
    received: int


class Outcome(NamedTuple):
    """What is durable now, and who may be told."""

    kept: list[Observation]
    receipts: dict[Key, Ranges]
    """(publisher, outbox) -> sequence numbers that are stored or quarantined."""


class _Origin(NamedTuple):
    topic: str
    publisher: str
    received: int
    outbox: str = ""
    seq: int = 0


@dataclass(slots=True)
class _Batch:
    observations: list[Observation] = field(default_factory=list)
    origins: list[tuple[int, _Origin]] = field(default_factory=list)  # where in observations a message begins
    arrivals: dict[Key, Arrivals] = field(default_factory=dict)
    held: list[Held] = field(default_factory=list)
    results: list[dict[str, object]] = field(default_factory=list)

    def arrival(self, origin: _Origin) -> Arrivals:
        key = origin.publisher, origin.outbox
        if key not in self.arrivals:
            self.arrivals[key] = Arrivals(set(), set())
        return self.arrivals[key]

    def hold(self, origin: _Origin, content: bytes, reason: str, *, whole: bool = False) -> None:
        publisher, received = origin.publisher, origin.received
        place = (origin.outbox, origin.seq) if origin.seq else (None, None)
        self.held.append(Held(publisher, origin.topic, received, content, whole, reason, *place))
        if origin.seq:
            self.arrival(origin).quarantined.add(origin.seq)

    def origin_of(self, observation: Observation) -> _Origin:
        index = next(number for number, one in enumerate(self.observations) if one is observation)
        return self.origins[bisect_right(self.origins, index, key=lambda pair: pair[0]) - 1][1]


class Ingest:
    """The one writer. Everything here blocks: it runs in a thread of its own."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._topics: dict[str, tuple[str, str, str]] = {}

    def commit(self, messages: Iterable[Message], now: int) -> Outcome:
        """Return once everything is durable; ``now`` in ms UTC.

        Raises StoreError or sqlalchemy's DBAPIError: then nothing may be acknowledged, and the same batch is
        given again. Committing twice equals committing once.
        """
        batch = _Batch()
        for message in messages:
            self._take(batch, message)
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
        after = 0
        while page := self._city.quarantine.held(publisher, limit=500, after=after):
            after = page[-1].id
            batch, freed = _Batch(), []
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

    def _retry(self, batch: _Batch, one: Held, now: int) -> None:
        if one.whole:
            self._take(batch, Message(one.topic, one.content, now))
            return
        origin = _Origin(one.topic, one.publisher, now, one.outbox or "", one.seq or 0)
        self._take_plain(batch, origin, json.loads(one.content))
        if origin.seq:
            self._arrived(batch, origin)

    def _write(self, batch: _Batch, now: int, freed: Sequence[Held]) -> list[Observation]:
        city = self._city
        added = city.store.add(batch.observations, now)
        for one, reason in added.refused:
            plain = {"thing": one.series.thing, "at": one.at, "values": {one.series.quantity: one.value}}
            batch.hold(batch.origin_of(one), json.dumps(plain).encode(), reason)
        city.registry.see({one.series: None for one in added.kept})
        with city.engine.begin() as connection:
            city.quarantine.hold(connection, batch.held)
            city.quarantine.let_go(connection, freed)
            for free in freed:
                if free.seq and city.quarantine.holds(connection, free.publisher, free.outbox, free.seq):
                    batch.arrivals[free.publisher, free.outbox or ""].quarantined.add(free.seq)
            _keep_results(connection, batch.results)
            known = {key: one for key, one in batch.arrivals.items() if key[0] in city.registry.publishers}
            accounts = city.ledger.write(connection, known, now)
        city.ledger.take(accounts)
        metrics = city.metrics
        metrics.add("commits_total")
        metrics.add("observations_stored_total", len(added.kept))
        metrics.add("observations_repeated_total", len(batch.observations) - len(added.kept) - len(added.refused))
        metrics.add("readings_quarantined_total", len(batch.held))
        return added.kept

    # ---- one message ------------------------------------------------------------------------------------------------

    def _take(self, batch: _Batch, message: Message) -> None:
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

    def _take_readings(self, batch: _Batch, origin: _Origin, payload: bytes) -> None:
        try:
            message = decode(payload)
        except ContractError as error:
            self._salvage(batch, origin, payload, error)
            return
        origin = origin._replace(outbox=message.outbox, seq=message.seq)
        for reading in message.readings:
            self._take_reading(batch, origin, reading)
        if origin.seq:
            self._arrived(batch, origin)

    def _salvage(self, batch: _Batch, origin: _Origin, payload: bytes, error: ContractError) -> None:
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
            self._arrived(batch, origin)

    def _take_plain(self, batch: _Batch, origin: _Origin, plain: Any) -> None:
        try:
            reading = reading_of(plain)
        except ContractError as error:
            batch.hold(origin, json.dumps(plain).encode(), str(error))
        else:
            self._take_reading(batch, origin, reading)

    def _take_reading(self, batch: _Batch, origin: _Origin, reading: Reading) -> None:
        reason = self._refusal(origin, reading)
        if reason:
            batch.hold(origin, msgspec.json.encode(reading), reason)
            return
        batch.origins.append((len(batch.observations), origin))
        skewed = "skewed" if reading.at > origin.received + SKEW else ""
        quality, censored = reading.quality, reading.censored
        for key, value in reading.values.items():
            kind = kind_of(key)
            derived = skewed
            if kind.low is not None and kind.high is not None and not kind.low <= value <= kind.high:
                derived = f"implausible {skewed}".rstrip()
            series = Series(reading.thing, key, reading.period)
            batch.observations.append(
                Observation(
                    series, reading.at, value, quality.get(key, ""), censored.get(key, ""), reading.source, derived
                )
            )

    def _refusal(self, origin: _Origin, reading: Reading) -> str:
        publisher = self._city.registry.publishers.get(origin.publisher)
        if publisher is None:
            return "unknown publisher"
        if reading.thing not in publisher.things:
            return "not_yours" if self._city.registry.thing(reading.thing) else "unknown thing"
        if reading.at > origin.received + FUTURE:
            return "at: more than 24 h in the future"
        return ""

    def _arrived(self, batch: _Batch, origin: _Origin) -> None:
        arrival = batch.arrival(origin)
        if origin.seq not in arrival.quarantined:
            arrival.stored.add(origin.seq)

    def _take_state(self, batch: _Batch, origin: _Origin, payload: bytes) -> None:
        state = contract.decode_state(payload)
        publisher = origin.publisher
        if publisher not in self._city.registry.publishers:
            raise ContractError("unknown publisher")
        if state["at"] > origin.received + FUTURE:
            raise ContractError("at: more than 24 h in the future")
        batch.origins.append((len(batch.observations), origin))
        last = next(
            (one for one in reversed(batch.observations) if one.series == Series(publisher, "online")),
            self._city.store.last(Series(publisher, "online")),
        )
        batch.observations += observe_state(publisher, state, last, origin.received)
        if "outbox" in state:
            arrival = batch.arrival(origin._replace(outbox=state["outbox"]))
            arrival.next_seq = max(arrival.next_seq, state.get("next_seq", 1))
            arrival.dropped = ranges.union(arrival.dropped, map(tuple, state.get("dropped", ())))


def _take_result(batch: _Batch, origin: _Origin, payload: bytes) -> None:
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
        batch.arrival(origin).stored.add(origin.seq)


def _keep_results(connection: Connection, results: list[dict[str, object]]) -> None:
    if results:
        connection.execute(insert(result).on_conflict_do_nothing(), results)
