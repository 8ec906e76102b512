"""What of a message is accepted, and what is held, and why? Nothing is lost, and nothing is written here."""

import json
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from collector import ranges
from collector.compiled import library
from collector.entities.registry import Registry
from collector.messages.decode import Reading, decode, reading_of
from collector.messages.intake import Intake, Origin
from collector.messages.message import FUTURE, PAST, SKEW, Message
from collector.messages.ordinary.bulk import Bulk, Taken
from collector.messages.ordinary.reader import C_SOURCE
from collector.messages.quarantine import Held
from collector.messages.state import ONLINE, observe_state
from collector.observation import Observation, Series, kind_of
from collector.store import Store
from firmware import contract, orders
from firmware.contract import ContractError

CHUNK = 1000  # messages taken at once
SOME = 64  # messages taken one by one before it is tried again to take them at once


class Acceptance:
    """Judges by the contract, and by the registry as it is when a batch begins. One thread at a time."""

    def __init__(self, registry: Registry, store: Store) -> None:
        self._registry = registry
        self._store = store
        self._topics: dict[str, tuple[str, str, str]] = {}
        self._publishers = registry.publishers
        self._bulk = Bulk(registry, store.table, library(C_SOURCE))

    def take_all(self, intake: Intake, messages: Sequence[Message]) -> None:
        """In order of arrival, readings first: MQTT keeps an order within a topic only."""
        if self._publishers is not self._registry.publishers:  # the inventory was read again
            self._publishers = self._registry.publishers
            self._bulk = Bulk(self._registry, self._store.table, library(C_SOURCE))
        ordinary, others = self._bulk.sort_out(messages)
        for start in range(0, len(ordinary), CHUNK):
            self._take_ordinary(intake, ordinary[start : start + CHUNK])
        self._take_each(intake, others)

    def retry(self, intake: Intake, one: Held, now: int) -> None:
        """Take what was held, as if it came ``now`` (ms UTC); it may be held again."""
        if one.whole:
            self._take(intake, Message(one.topic, one.content, now))
            return
        origin = Origin(one.topic, one.publisher, now, one.outbox or "", one.seq or 0)
        self._take_plain(intake, origin, json.loads(one.content))
        if origin.seq:
            intake.note(origin)

    def observations(self, reading: Reading, received: int) -> list[Observation]:
        """One for each value, with what its time and its quantity's limits say of it."""
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

    def why_not(self, reading: Reading, now: int) -> str:
        """Why this can't be entered at ``now``; "" where only the store could still refuse it."""
        return _out_of_time(reading.at, now) or self._too_many(reading)

    def _take_ordinary(self, intake: Intake, messages: Sequence[Message]) -> None:
        """At once what can be; of a long stretch that cannot, some teach how to take the rest."""
        for part in self._bulk.take(messages):
            if isinstance(part, Taken):
                intake.add_run(part)
                continue
            self._take_each(intake, part[:SOME])
            if len(part) > SOME:
                self._take_ordinary(intake, part[SOME:])

    def _take_each(self, intake: Intake, messages: Iterable[Message]) -> None:
        for message in messages:
            self._take(intake, message)

    def _take(self, intake: Intake, message: Message) -> None:
        try:
            city, publisher, channel = self._split(message.topic)
        except ContractError as error:
            intake.hold(Origin(message.topic, "", message.received), message.payload, str(error), whole=True)
            return
        if city != self._registry.city:
            intake.hold(Origin(message.topic, "", message.received), message.payload, "topic: another city", whole=True)
            return
        if publisher == "collector":
            return  # our own state, come back
        origin = Origin(message.topic, publisher, message.received)
        try:
            if channel == "reading":
                self._take_readings(intake, origin, message.payload)
            elif channel == "state":
                self._take_state(intake, origin, message.payload)
            elif channel == "result":
                _take_result(intake, origin, message.payload)
        except ContractError as error:
            intake.hold(origin, message.payload, str(error), whole=True)

    def _split(self, topic: str) -> tuple[str, str, str]:
        """As ``contract.split_topic``, once per topic: a city has some thousands of them, and publishes all day."""
        parts = self._topics.get(topic)
        if parts is None:
            parts = contract.split_topic(topic)
            if len(self._topics) < 100_000:
                self._topics[topic] = parts
        return parts

    def _take_readings(self, intake: Intake, origin: Origin, payload: bytes) -> None:
        try:
            message = decode(payload)
        except ContractError as error:
            self._salvage(intake, origin, payload, error)
            return
        origin = origin._replace(outbox=message.outbox, seq=message.seq)
        held = len(intake.held)
        for reading in message.readings:
            self._take_reading(intake, origin, reading)
        if len(intake.held) == held:
            self._bulk.learn(origin.topic, message)
        if origin.seq:
            intake.note(origin)

    def _salvage(self, intake: Intake, origin: Origin, payload: bytes, error: ContractError) -> None:
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
            intake.hold(origin, payload, str(error), whole=True)
            return
        for reading in readings:
            self._take_plain(intake, origin, reading)
        if origin.seq:
            intake.note(origin)

    def _take_plain(self, intake: Intake, origin: Origin, plain: Any) -> None:
        try:
            reading = reading_of(plain)
        except ContractError as error:
            intake.hold(origin, json.dumps(plain).encode(), str(error))
        else:
            self._take_reading(intake, origin, reading)

    def _take_reading(self, intake: Intake, origin: Origin, reading: Reading) -> None:
        reason = self._refusal(origin, reading)
        if reason:
            intake.hold(origin, msgspec.json.encode(reading), reason)
            return
        intake.add(origin, self.observations(reading, origin.received))

    def _refusal(self, origin: Origin, reading: Reading) -> str:
        publisher = self._registry.publishers.get(origin.publisher)
        if publisher is None:
            return "unknown publisher"
        if reading.thing not in publisher.things:
            return "not_yours" if self._registry.thing(reading.thing) else "unknown thing"
        return _out_of_time(reading.at, origin.received) or self._too_many(reading)

    def _too_many(self, reading: Reading) -> str:
        try:
            for quantity in reading.values:
                self._store.table.admit(Series(reading.thing, quantity, reading.period))
        except ValueError as error:
            return str(error)
        return ""

    def _take_state(self, intake: Intake, origin: Origin, payload: bytes) -> None:
        state = contract.decode_state(payload)
        publisher = origin.publisher
        if publisher not in self._registry.publishers:
            raise ContractError("unknown publisher")
        if reason := _out_of_time(state["at"], origin.received):
            raise ContractError(reason)
        last = intake.online.get(publisher) or self._store.last(Series(publisher, ONLINE))
        observations = observe_state(publisher, state, last, origin.received)
        try:
            for one in observations:
                self._store.table.admit(one.series)
        except ValueError as error:
            raise ContractError(str(error)) from None
        intake.add(origin, observations)
        for one in observations:
            if one.series.quantity == ONLINE:
                intake.online[publisher] = one
        if "outbox" in state:
            arrival = intake.arrival(publisher, state["outbox"])
            arrival.next_seq = max(arrival.next_seq, state.get("next_seq", 1))
            arrival.dropped = ranges.union(arrival.dropped, map(tuple, state.get("dropped", ())))


def _out_of_time(at: int, received: int) -> str:
    """Why it is held; "" when it is not."""
    if at > received + FUTURE:
        return "at: more than 24 h in the future"
    return "at: more than 20 years ago" if at < received - PAST else ""


def _take_result(intake: Intake, origin: Origin, payload: bytes) -> None:
    message = orders.decode_result(payload)
    intake.results.append(
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
        intake.note(origin)
