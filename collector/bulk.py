"""How are ordinary readings taken, thousands at once? In columns; what is doubted is left to who takes one by one.

Every step is one call that runs over all messages in C, so a value costs a quarter of what it costs alone. Nothing is
refused here: a message that could be refused makes ``take`` return None, and its whole run is taken message by message.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from operator import attrgetter, itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from collector.batch import Batch, Int64s, stored_value
from collector.decode import Reading, is_id, is_text, parse, typed
from collector.message import FUTURE, PAST, SKEW, Message
from collector.observation import DERIVED, Series
from collector.registry import Registry
from collector.series_table import SeriesTable
from firmware import contract
from firmware.contract import LARGEST, ContractError

MOST_PLANS = 200_000  # shapes of readings remembered; a city of 10,000 things has some ten thousand


class _DoubtError(Exception):
    """This run is to be taken one by one."""


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
    """Knows the shapes of readings that this registry allows: publisher, thing, period and quantities in their order.

    One writer uses it. A registry that changes needs a new one.
    """

    def __init__(self, registry: Registry, table: SeriesTable) -> None:
        self._table = table
        self._publishers = _Publishers(registry)
        self._plans = _Plans(registry, self._publishers, table)

    def is_ordinary(self, topic: str) -> bool:
        """Does a registered publisher publish its readings there?"""
        return self._publishers[topic] != ""

    def take(self, messages: Sequence[Message]) -> Taken | None:
        """None when anything is doubted. Every topic is ordinary."""
        try:
            return self._take(messages)
        except (_DoubtError, ValueError):  # of which msgspec's errors are, and those of UTF-8
            return None

    def _take(self, messages: Sequence[Message]) -> Taken:
        topics = list(map(itemgetter(0), messages))
        decoded = list(map(parse, map(itemgetter(1), messages)))
        numbers = self._numbers(topics, list(map(attrgetter("outbox"), decoded)), list(map(attrgetter("seq"), decoded)))
        lists = list(map(attrgetter("readings"), decoded))
        sizes = list(map(len, lists))
        readings: list[Reading] = list(chain.from_iterable(lists))
        if len(readings) > len(topics):
            topics = list(chain.from_iterable(map(repeat, topics, sizes)))
        values: list[dict[str, Any]] = list(map(attrgetter("values"), readings))
        periods, things = map(attrgetter("period"), readings), map(attrgetter("thing"), readings)
        plans, plan_of = [], self._plans
        for topic, thing, period, several in zip(topics, things, periods, values, strict=True):
            plans.append(plan_of[(topic, thing, period, *several)])
        if len(plan_of) > MOST_PLANS:
            plan_of.clear()
        counts = np.fromiter(map(len, plans), np.int64, len(plans))
        series = np.fromiter(chain.from_iterable(plans), np.int32, int(counts.sum()))
        at = np.repeat(np.fromiter(map(attrgetter("at"), readings), np.int64, len(readings)), counts)
        number, text = self._values(series, list(chain.from_iterable(map(dict.values, values))))
        quality = _marks(readings, values, "quality")
        censored = _marks(readings, values, "censored")
        begins = np.concatenate(([0], np.cumsum(counts)))[np.concatenate(([0], np.cumsum(sizes)))]
        received = np.fromiter(map(itemgetter(2), messages), np.int64, len(messages))
        is_skewed = _skewed(at, received, np.diff(begins))
        derived = self._derived(series, number, is_skewed)
        observations = Batch(
            self._table, series, at, number, text, quality, censored, _sources(readings, counts), derived
        )
        return Taken(observations, messages, begins[:-1], numbers)

    def _numbers(self, topics: list[str], outboxes: list[str], seqs: list[int]) -> dict[tuple[str, str], set[int]]:
        """As ``contract.check_sequence`` wants them: both or neither."""
        found: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        for key, seq in zip(zip(topics, outboxes, strict=True), seqs, strict=True):
            found[key].append(seq)
        numbers = {}
        for (topic, outbox), several in found.items():
            if outbox:
                if not is_id(outbox) or min(several) == 0:
                    raise _DoubtError
                numbers[self._publishers[topic], outbox] = set(several)
            elif max(several) > 0:
                raise _DoubtError
        return numbers

    def _values(
        self, series: npt.NDArray[np.int32], values: list[Any]
    ) -> tuple[npt.NDArray[np.float64], list[str | None] | None]:
        """The numbers and texts; a value that is not of its kind is a doubt."""
        odd = ~self._table.is_measured[series]
        if set(map(type, values)) != {float}:
            odd |= np.fromiter((type(value) is not float for value in values), np.bool_, len(values))
        text: list[str | None] | None = None
        kinds = self._table.kinds
        for place in np.flatnonzero(odd).tolist():
            value = typed(kinds[series[place]], values[place])
            if value is None:
                raise _DoubtError
            values[place], one = stored_value(value)
            if one is not None:
                text = text or [None] * len(values)
                text[place] = one
        number = np.array(values)
        if (np.abs(number) > LARGEST).any():  # false for NaN
            raise _DoubtError
        return number, text

    def _derived(
        self, series: npt.NDArray[np.int32], number: npt.NDArray[np.float64], is_skewed: npt.NDArray[np.bool_] | None
    ) -> list[str] | None:
        odd = (number < self._table.low[series]) | (number > self._table.high[series])
        if is_skewed is None:
            if not odd.any():
                return None
            is_skewed = np.zeros(len(odd), np.bool_)
        return [DERIVED[one] for one in (odd + 2 * is_skewed).tolist()]


class _Publishers(dict[str, str]):
    """Topic -> the registered publisher whose readings come there, or ""."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def __missing__(self, topic: str) -> str:
        try:
            city, publisher, channel = map(str, contract.split_topic(topic))
        except ContractError:
            return ""
        if channel != "reading" or city != self._registry.city or publisher not in self._registry.publishers:
            return ""  # not remembered: anyone can make up topics
        self[topic] = publisher
        return publisher


class _Plans(dict[tuple[Any, ...], tuple[int, ...]]):
    """(topic, thing, period, *quantities) -> the numbers of its series."""

    def __init__(self, registry: Registry, publishers: _Publishers, table: SeriesTable) -> None:
        self._registry = registry
        self._publishers = publishers
        self._table = table

    def __missing__(self, key: tuple[Any, ...]) -> tuple[int, ...]:
        topic, thing, period, *quantities = key
        publisher = self._registry.publishers.get(self._publishers[topic])
        if publisher is None or thing not in publisher.things:
            raise _DoubtError
        plan = tuple(self._table.admit(Series(thing, quantity, period)) for quantity in quantities)
        self[key] = plan
        return plan


def _marks(readings: list[Reading], values: list[dict[str, Any]], name: str) -> list[str] | None:
    """One mark per value; None where nobody marked any."""
    several = list(map(attrgetter(name), readings))
    if not any(several):
        return None
    column: list[str] = []
    for marks, own in zip(several, values, strict=True):
        if marks:
            if not marks.keys() <= own.keys():
                raise _DoubtError
            column += [marks.get(key, "") for key in own]
        else:
            column += repeat("", len(own))
    return column


def _sources(readings: list[Reading], counts: Int64s) -> list[str] | None:
    sources = list(map(attrgetter("source"), readings))
    if not any(sources):
        return None
    if not all(map(is_text, set(sources))):
        raise _DoubtError
    return list(chain.from_iterable(map(repeat, sources, counts.tolist())))


def _skewed(at: Int64s, received: Int64s, sizes: Int64s) -> npt.NDArray[np.bool_] | None:
    """Where the clock was ahead; None where nowhere. Too far ahead, or too far back, is a doubt."""
    if at.min() < received.max() - PAST:
        raise _DoubtError
    if at.max() <= received.min() + SKEW:
        return None
    ahead = at - np.repeat(received, sizes)
    if (ahead > FUTURE).any():
        raise _DoubtError
    is_skewed: npt.NDArray[np.bool_] = ahead > SKEW
    return is_skewed if is_skewed.any() else None
