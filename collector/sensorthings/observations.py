"""Which observations does a request ask for? The store answers what it can; the rest is sifted as it streams by.

First the datastreams are chosen, by what a filter says of them; each is then asked for its part (``pushdown``).
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, NamedTuple
from typing import Literal as OneOf

from collector.entities.registry import Datastream
from collector.observation import Observation, kind_of, observation_id
from collector.refusals import AskedWrongError
from collector.sensorthings.entities import Entities, Entity, iso
from collector.sensorthings.expression import Expression, Literal, Property, simplified
from collector.sensorthings.literals import Instant, Interval
from collector.sensorthings.options import Options
from collector.sensorthings.ordering import Best
from collector.sensorthings.properties import ID, Paths, inside
from collector.sensorthings.pushdown import Plan, plan
from collector.sensorthings.sifting import Sieve
from collector.series.query import Query
from collector.store import NotOfferedError
from collector.view import View

ORDERED_AT_MOST = 10_000  # $skip + $top in an order that no store has: they are held in memory
_TIME = ("phenomenonTime",)
Order = tuple[OneOf["at", "value"], bool]
"""(by, descending), as a query says it."""


class Found(NamedTuple):
    stream: Datastream
    one: Observation


class Observations:
    """Those that one may see, for one request."""

    def __init__(self, view: View, entities: Entities, paths: Paths, sieve: Sieve) -> None:
        self._view = view
        self._entities = entities
        self._paths = paths
        self._sieve = sieve

    async def find(self, streams: Sequence[Datastream], options: Options) -> tuple[list[Found], bool]:
        """Return one page and whether more follow. Without ``$orderby``: by datastream, then by time."""
        wanted = options.page + 1
        if options.orderby and options.filter and len(streams) > 1:  # one alone has an order in the store
            streams = [one.stream async for one in self._plans(streams, options.filter)]
        by_store = _order_of_store(streams, options)
        if options.page == 0:
            found = []
        elif by_store is None:
            found = (await self._best(streams, options, options.skip + wanted))[options.skip :]
        else:
            found = await self._in_order_of_store(streams, options, by_store, wanted)
        return found[: options.page], len(found) > options.page

    async def count(self, streams: Sequence[Datastream], options: Options) -> int:
        """How many there are in all, ``$top`` and ``$skip`` left out."""
        total = 0
        async for one in self._plans(streams, options.filter):
            if not one.rest:
                total += await self._view.count(one.query)
            else:
                async with aclosing(self._sifted(one)) as found:
                    total += sum([1 async for _ in found])
        return total

    async def one(self, stream: Datastream, at: int) -> Found | None:
        found = await self._view.all(Query(stream.series, since=at, until=at + 1, limit=1))
        return Found(stream, found[0]) if found else None

    def feature(self, found: Found) -> Entity | None:
        return self._entities.feature_of(found.stream, found.one.at)

    def value(self, found: Found, asked: Property) -> Any:
        """What a path leads to from one observation."""
        first, *rest = asked.path
        if first in _READERS:
            return _READERS[first](found)
        if first in ("Datastream", "FeatureOfInterest"):
            entity = self.feature(found) if first == "FeatureOfInterest" else self._stream(found.stream)
            return self._paths.value(entity, rest) if entity else None
        return inside(properties_of(found).get(first), rest)

    async def _plans(self, streams: Sequence[Datastream], expression: Expression | None) -> AsyncGenerator[Plan, None]:
        for stream in streams:
            of_stream = simplified(expression, self._known_of(stream)) if expression else None
            made = plan(stream, of_stream)
            await self._sieve.spend(20)
            if made:
                yield made

    def _known_of(self, stream: Datastream) -> Any:
        """What stands for the properties that are the same for every observation of a datastream."""

        def known(asked: Property) -> Expression:
            match asked.path:
                case ("Datastream", identifier) if identifier in ID:
                    return Literal(stream.id)
                case ("Datastream", *rest):
                    entity = self._stream(stream)
                    return Literal(self._paths.value(entity, rest) if entity else None)
                case ("FeatureOfInterest", *rest) if self._entities.has_one_feature(stream):
                    entity = self._entities.feature_of(stream)
                    return Literal(self._paths.value(entity, rest) if entity else None)
            return asked

        return known

    def _stream(self, stream: Datastream) -> Any:
        return self._entities.find("Datastreams", stream.id)

    async def _in_order_of_store(
        self, streams: Sequence[Datastream], options: Options, order: Order, wanted: int
    ) -> list[Found]:
        try:
            return await self._one_after_the_other(streams, options, order, wanted)
        except NotOfferedError:
            if order[0] == "at":
                raise
            return (await self._best(streams, options, options.skip + wanted))[options.skip :]

    async def _one_after_the_other(
        self, streams: Sequence[Datastream], options: Options, order: Order, wanted: int
    ) -> list[Found]:
        found: list[Found] = []
        skip = options.skip
        async for each in self._plans(streams, options.filter):
            query = replace(each.query, order=order[0], descending=order[1])
            if not each.rest:
                if skip and len(streams) > 1 and (there := await self._view.count(query)) <= skip:
                    skip -= there
                    continue
                page = replace(query, limit=wanted - len(found), offset=skip)
                found += [Found(each.stream, one) for one in await self._view.all(page)]
                skip = 0
            else:
                async with aclosing(self._sifted(replace(each, query=query))) as several:
                    async for one in several:
                        if skip:
                            skip -= 1
                            continue
                        found.append(one)
                        if len(found) == wanted:
                            break
            if len(found) == wanted:
                break
        return found

    async def _best(self, streams: Sequence[Datastream], options: Options, wanted: int) -> list[Found]:
        """The first in an order across datastreams, or one that the store does not have."""
        if wanted > ORDERED_AT_MOST + 1:
            raise AskedWrongError(
                f"$skip: at most {ORDERED_AT_MOST} with $top in this order; ask one datastream by phenomenonTime"
            )
        keys = options.orderby
        best: Best[Found] = Best(wanted, keys, self.value, lambda found: (found.stream.id, found.one.at))
        first, descending = keys[0]
        in_time = first.path == _TIME
        newest = self._newest(streams) if in_time and descending else {}
        if newest:
            streams = sorted((one for one in streams if one.id in newest), key=lambda one: -newest[one.id])
        async for each in self._plans(streams, options.filter):
            there = best.cut() if newest else []
            if len(there) == wanted and _is_newer(there[-1], newest[each.stream.id], each.stream, len(keys)):
                break  # neither this nor any of those that follow has one to stand among the first
            query = replace(each.query, descending=descending and in_time)
            await self._fill(best, replace(each, query=query), wanted if in_time and len(keys) == 1 else None)
        return best.cut()

    def _newest(self, streams: Sequence[Datastream]) -> dict[int, int]:
        """By datastream, from memory; what has none has no observations."""
        return {one.id: last.at for one in streams if (last := self._view.last(one.series))}

    async def _fill(self, best: Best[Found], each: Plan, most: int | None) -> None:
        """``most``: no more of this datastream can be among the first."""
        if not each.rest:
            each = replace(each, query=replace(each.query, limit=most))
        taken = 0
        async with aclosing(self._sifted(each)) as several:
            async for one in several:
                best.add(one)
                taken += 1
                if taken == most:
                    break

    async def _sifted(self, each: Plan) -> AsyncGenerator[Found, None]:
        stream = each.stream
        async with aclosing(self._view.chunks(each.query)) as chunks:
            async for chunk in chunks:
                several = (Found(stream, one) for one in chunk)
                async with aclosing(self._sieve.sift(several, each.rest, self.value)) as found:
                    async for one in found:
                        yield one


def _is_newer(found: Found, newest: int, stream: Datastream, keys: int) -> bool:
    """Than all of a datastream; at the same instant, where no other key says more, the lower id stands first."""
    return found.one.at > newest or (found.one.at == newest and keys == 1 and found.stream.id < stream.id)


def phenomenon_time(one: Observation) -> Instant | Interval:
    period = one.series.period
    return Interval(one.at - period, one.at) if period else Instant(one.at)


_READERS: dict[str, Callable[[Found], Any]] = {
    "phenomenonTime": lambda found: phenomenon_time(found.one),
    "resultTime": lambda found: Instant(found.one.known) if found.one.known else None,
    "result": lambda found: found.one.value,
    "resultQuality": lambda found: found.one.judged,
    **dict.fromkeys(ID, lambda found: observation_id(found.stream.id, found.one.at)),
}


def properties_of(found: Found) -> dict[str, Any]:
    """As the standard names them (18-088, 8.2.7)."""
    stream, one = found
    period = stream.series.period
    known = iso(one.known) if one.known else None
    parameters = {"censored": one.censored, "source": one.source, "derived": one.derived}
    shown = {
        "phenomenonTime": f"{iso(one.at - period)}/{iso(one.at)}" if period else iso(one.at),
        "resultTime": known,
        "result": list(one.value) if isinstance(one.value, tuple) else one.value,
        "resultQuality": one.judged,
    }
    return shown | ({"parameters": given} if (given := {k: v for k, v in parameters.items() if v}) else {})


def _order_of_store(streams: Sequence[Datastream], options: Options) -> Order | None:
    """What a query says of the order that is asked for; None where the store has no such order."""
    if not options.orderby:
        return "at", False
    if len(streams) > 1 or len(options.orderby) > 1:
        return None
    ((asked, descending),) = options.orderby
    if asked.path == _TIME:
        return "at", descending
    kinds = [kind_of(one.series.quantity).kind for one in streams]
    return ("value", descending) if asked.path == ("result",) and "position" not in kinds else None
