"""Which observations does a request ask for? The store answers what it can; the rest is sifted as it streams by."""

import heapq
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from collector.observation import Observation, observation_id
from collector.query import Comparison as Asked
from collector.query import Field, Operator, Query
from collector.registry import Datastream
from collector.sensorthings import AskedWrongError
from collector.sensorthings.entities import iso
from collector.sensorthings.expression import (
    Comparison,
    Expression,
    Instant,
    Property,
    conjuncts,
    properties_of,
    satisfies,
)
from collector.sensorthings.options import Options
from collector.view import View

Found = tuple[Datastream, Observation]

MERGED_AT_MOST = 10_000  # $skip + $top over several datastreams in one order: bounded memory

_OPERATORS: dict[str, Operator] = {"eq": "==", "ne": "!=", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_TURNED = {"gt": "lt", "ge": "le", "lt": "gt", "le": "ge"}
_FIELDS: dict[str, Field] = {"phenomenonTime": "at", "result": "value", "resultQuality": "quality"}
_KNOWN = {"id", "@iot.id", "phenomenonTime", "resultTime", "result", "resultQuality"}


async def find(view: View, streams: Sequence[Datastream], options: Options) -> tuple[list[Found], bool]:
    """Return one page and whether more follow. Without ``$orderby``: by datastream, then by time."""
    _check(options)
    wanted = options.page + 1
    if len(streams) > 1 and options.orderby:
        found = await _merged(view, streams, options, options.skip + wanted)
        found = found[options.skip :]
    else:
        found = await _one_after_the_other(view, streams, options, wanted)
    return found[: options.page], len(found) > options.page > 0


async def count(view: View, streams: Sequence[Datastream], options: Options) -> int:
    """How many there are in all, ``$top`` and ``$skip`` left out."""
    _check(options)
    total = 0
    for stream in streams:
        query, rest = _query(stream, options)
        if not rest:
            total += await view.count(query)
        else:
            async with aclosing(_sifted(view, stream, query, rest)) as observations:
                total += sum([1 async for _ in observations])
    return total


def properties_of_observation(stream: Datastream, one: Observation) -> dict[str, Any]:
    """As the standard names them (18-088, 8.2.7)."""
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


async def _one_after_the_other(view: View, streams: Sequence[Datastream], options: Options, wanted: int) -> list[Found]:
    found: list[Found] = []
    skip = options.skip
    for stream in streams:
        query, rest = _query(stream, options)
        if rest or len(streams) > 1:
            async with aclosing(_sifted(view, stream, query, rest)) as observations:
                async for one in observations:
                    if skip:
                        skip -= 1
                        continue
                    found.append((stream, one))
                    if len(found) == wanted:
                        return found
        else:
            page = _narrowed(query, limit=wanted, offset=skip)
            return [(stream, one) for one in await view.all(page)]
    return found


async def _merged(view: View, streams: Sequence[Datastream], options: Options, wanted: int) -> list[Found]:
    if wanted > MERGED_AT_MOST:
        raise AskedWrongError(f"$skip: at most {MERGED_AT_MOST} over several datastreams; ask one datastream")
    found: list[Found] = []
    for stream in streams:
        query, rest = _query(stream, options)
        async with aclosing(_sifted(view, stream, _narrowed(query, None if rest else wanted), rest)) as observations:
            several = []
            async for one in observations:
                several.append((stream, one))
                if len(several) == wanted:
                    break
        found += several
    by, descending = _order(options)
    choose = heapq.nlargest if descending else heapq.nsmallest
    return choose(wanted, found, key=lambda one: _sort_key(by, one))


def _sort_key(by: str, found: Found) -> tuple[Any, ...]:
    stream, one = found
    if by == "value":  # numbers before texts; a position has no order
        is_text = not isinstance(one.value, (int, float))
        return is_text, str(one.value) if is_text else one.value, one.at, stream.id
    return one.at, stream.id


async def _sifted(
    view: View, stream: Datastream, query: Query, rest: Sequence[Expression]
) -> AsyncGenerator[Observation, None]:
    async with aclosing(view.chunks(query)) as chunks:
        async for chunk in chunks:
            for one in chunk:
                if all(satisfies(part, lambda p, one=one: _value(p, stream, one)) for part in rest):  # type: ignore[misc]  # the default binds this turn's observation
                    yield one


def _value(asked: Property, stream: Datastream, one: Observation) -> Any:
    match asked.path:
        case ("id",) | ("@iot.id",):
            return observation_id(stream.id, one.at)
        case ("phenomenonTime",):
            return Instant(one.at)
        case ("resultTime",):
            return Instant(one.known) if one.known else None
        case ("resultQuality",):
            return one.judged
        case _:
            return one.value


def _query(stream: Datastream, options: Options) -> tuple[Query, list[Expression]]:
    """Return what the store is asked, and what is left to sift."""
    asked, rest = [], []
    for part in conjuncts(options.filter):
        comparison = _pushed_down(part)
        if comparison:
            asked.append(comparison)
        else:
            rest.append(part)
    by, descending = _order(options)
    order = "value" if by == "value" else "at"
    since = max((one.operand for one in asked if (one.field, one.operator) == ("at", ">=")), default=None)
    query = Query(
        stream.series,
        since=int(since) if since is not None else None,
        where=tuple(asked),
        order=order,  # type: ignore[arg-type]  # one of the two literals
        descending=descending,
    )
    return query, rest


def _pushed_down(part: Expression) -> Asked | None:
    if not isinstance(part, Comparison):
        return None
    left, operator, right = part.left, part.operator, part.right
    if isinstance(right, Property):
        left, operator, right = right, _TURNED.get(operator, operator), left
    if not isinstance(left, Property) or left.path[0] not in _FIELDS or isinstance(right, (Property, bool)):
        return None
    field = _FIELDS[left.path[0]]
    operand = right.ms if isinstance(right, Instant) else right
    if (
        operand is None
        or isinstance(right, Instant) != (field == "at")
        or (field == "quality" and operand != str(operand))
    ):
        return None
    if operator == "ne" and field == "value":
        return None  # the store and the standard differ on comparing text with a number
    return Asked(field, _OPERATORS[operator], operand)


def _narrowed(query: Query, limit: int | None, offset: int = 0) -> Query:
    return Query(
        query.series,
        since=query.since,
        where=query.where,
        order=query.order,
        descending=query.descending,
        limit=limit,
        offset=offset,
    )


def _order(options: Options) -> tuple[str, bool]:
    if not options.orderby:
        return "at", False
    (by, descending), *_ = options.orderby
    return ("value" if by.path == ("result",) else "at"), descending


def _check(options: Options) -> None:
    for asked in properties_of(options.filter) if options.filter else ():
        if len(asked.path) != 1 or asked.path[0] not in _KNOWN:
            raise AskedWrongError(f"$filter: an Observation has no {'/'.join(asked.path)} to compare")
    if len(options.orderby) > 1:
        raise AskedWrongError("$orderby: Observations are ordered by one property")
    for by, _ in options.orderby:
        if by.path not in (("phenomenonTime",), ("result",)):
            raise AskedWrongError(
                f"$orderby: Observations are ordered by phenomenonTime or result, not {'/'.join(by.path)}"
            )
