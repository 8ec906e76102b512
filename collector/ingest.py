"""How is what was accepted committed? Store, ledger, quarantine; only then may anything be acknowledged."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from sqlalchemy import Connection

from collector import ranges
from collector.city import City
from collector.ledger import Key
from collector.messages.acceptance import Acceptance
from collector.messages.decode import Reading
from collector.messages.intake import Intake, Origin
from collector.messages.limits import load_limits
from collector.messages.marking import Marked, Marking
from collector.messages.message import Message
from collector.messages.quarantine import Held
from collector.metadata import insert, result
from collector.observation import Observation
from collector.ranges import Ranges
from collector.series.batch import Batch, Int32s, Positions
from collector.store import Added


class Outcome(NamedTuple):
    """What is durable now, and who may be told."""

    kept: Batch
    receipts: dict[Key, Ranges]
    """(publisher, outbox) -> sequence numbers that are stored or quarantined."""


class Ingest:
    """The one writer. Everything here blocks: it runs in a thread of its own."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._acceptance = Acceptance(city.registry, city.store)
        self._marking = Marking(city.store.table, city.store.latest().values(), load_limits())
        self._seen: set[int] = set()  # numbers of the series that have a datastream

    def commit(self, messages: Sequence[Message], now: int) -> Outcome:
        """Return once everything is durable; ``now`` in ms UTC.

        Raises StoreError or sqlalchemy's DBAPIError: then nothing may be acknowledged, and the same batch is
        given again. Committing twice equals committing once.
        """
        intake = Intake(self._city.store.table)
        self._acceptance.take_all(intake, messages)
        kept = self._write(intake, now, freed=())
        receipts = {
            key: ranges.of(arrival.stored | arrival.quarantined)
            for key, arrival in intake.arrivals.items()
            if arrival.stored or arrival.quarantined
        }
        return Outcome(kept, receipts)

    def release(self, now: int, publisher: str | None = None) -> list[Observation]:
        """Try everything held once more, after its cause was mended; what is still refused stays held."""
        released: list[Observation] = []
        after, newest = 0, self._city.quarantine.newest()
        while after < newest and (page := self._city.quarantine.held(publisher, limit=500, after=after)):
            after = page[-1].id  # what a store refuses now is held anew, behind the newest: not again in this round
            intake, freed = Intake(self._city.store.table), []
            for one in page:
                before = len(intake.held)
                self._acceptance.retry(intake, one, now)
                refused = intake.held[before:]
                if refused and refused[0].whole == one.whole:
                    del intake.held[before:]  # it is held already
                else:
                    freed.append(one)
            if freed:
                released += self._write(intake, now, freed)
        return released

    def enter(self, readings: Sequence[Reading], now: int) -> tuple[Batch, list[str]]:
        """Store what somebody enters at ``now`` (ms UTC); durable on return.

        Returns what was kept, and for each reading why it can't be stored, or "". No publisher speaks, so whether the
        one who enters it may is asked elsewhere; nothing is quarantined. Raises StoreError or DBAPIError: then the same
        may be entered again. Entering twice equals entering once.
        """
        intake = Intake(self._city.store.table)
        reasons = []
        places: list[int] = []  # of each observation
        for place, reading in enumerate(readings):
            reason = self.why_not(reading, now)
            if not reason:
                intake.add(Origin("", "", now), self._acceptance.observations(reading, now))
                places += [place] * len(reading.values)
            reasons.append(reason)
        marked, added, staying = self._add(intake, now)
        self._marking.take(marked)
        self._count(marked, added)
        left = range(len(places)) if staying is None else staying.tolist()
        for position in set(range(len(places))).difference(left):
            reasons[places[position]] = "was erased"
        for position, reason in added.refused:
            reasons[places[left[position]]] = reason
        return added.kept, reasons

    def why_not(self, reading: Reading, now: int) -> str:
        """As ``Acceptance.why_not``."""
        return self._acceptance.why_not(reading, now)

    def _write(self, intake: Intake, now: int, freed: Sequence[Held]) -> Batch:
        city = self._city
        erasures = city.access.erasures
        intake.held = [one for one in intake.held if one.whole or not erasures.covers(one.content)]
        marked, added, staying = self._add(intake, now)
        for position, reason in added.refused:
            origin = intake.origin_of(position if staying is None else int(staying[position]))
            intake.hold(origin, _as_reading(marked.observations[position]), reason)
        with city.engine.begin() as connection:
            city.quarantine.let_go(connection, freed)  # first: what is refused again is held again
            city.quarantine.hold(connection, intake.held)
            for free in freed:
                if free.seq and city.quarantine.holds(connection, free.publisher, free.outbox, free.seq):
                    intake.arrivals[free.publisher, free.outbox or ""].quarantined.add(free.seq)
            _keep_results(connection, intake.results)
            known = {key: one for key, one in intake.arrivals.items() if key[0] in city.registry.publishers}
            accounts = city.ledger.write(connection, known, now)
        city.ledger.take(accounts)
        self._marking.take(marked)
        self._count(marked, added)
        city.metrics.add("readings_quarantined_total", len(intake.held))
        return added.kept

    def _add(self, intake: Intake, now: int) -> tuple[Marked, Added, Positions | None]:
        """Into the store, with its marks; every series that is there then has a datastream.

        Also returned is where in the intake those stood that were not erased before; None where all of them stay.
        """
        arrived = intake.observations
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

    def _see(self, numbers: Int32s) -> None:
        """Every series that has an observation has a datastream, also when a commit before was cut short here."""
        table = self._city.store.table
        new = set(np.unique(numbers).tolist()) - self._seen
        if new:
            self._city.registry.see(table[number] for number in sorted(new))
            self._seen |= new


def _as_reading(one: Observation) -> bytes:
    """One observation as the reading it came in, as JSON."""
    thing, quantity, period = one.series
    plain = {"thing": thing, "at": one.at, "values": {quantity: one.value}, "period": period, "source": one.source}
    marks = {"quality": one.quality, "censored": one.censored}
    plain |= {name: {quantity: mark} for name, mark in marks.items() if mark}
    return msgspec.json.encode({name: part for name, part in plain.items() if part})


def _keep_results(connection: Connection, results: list[dict[str, object]]) -> None:
    if results:
        connection.execute(insert(connection, result).on_conflict_do_nothing(), results)
