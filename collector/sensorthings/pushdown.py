"""Which part of a filter can the store answer? Times become the range that is read, and values conditions of a query.

What the store is asked and what is sifted afterwards is together exactly the filter.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from collector.entities.registry import Datastream
from collector.observation import kind_of, observation_id, split_observation_id
from collector.sensorthings.expression import Call, Expression, Literal, Property, Several, conjuncts
from collector.sensorthings.functions import type_of
from collector.sensorthings.intervals import ends
from collector.sensorthings.properties import ID
from collector.series.query import Comparison, Field, Operator, Query

EARLIEST, LATEST = 0, 9_000_000_000_000  # ms UTC; 2255, before the nanoseconds of InfluxDB end
Range = tuple[int, int]
"""Of ``at``: from the first, up to and without the second."""
Answer = Comparison | Range | bool | None

_OPERATORS: dict[str, Operator] = {"eq": "==", "ne": "!=", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_TURNED = {"gt": "lt", "ge": "le", "lt": "gt", "le": "ge", "eq": "eq", "ne": "ne", "before": "after", "after": "before"}
_NUMERIC = ("gauge", "counter", "sound_level", "flags")
_TEXTUAL = ("code", "text")


@dataclass(frozen=True, slots=True)
class Plan:
    """How to find what satisfies a filter in one datastream."""

    stream: Datastream
    query: Query
    rest: tuple[Expression, ...]
    """All must hold of what the query answers."""


def plan(stream: Datastream, expression: Expression | None) -> Plan | None:
    """None when nothing in this datastream can satisfy it."""
    since, until = EARLIEST, LATEST
    where, rest = [], []
    for part in conjuncts(expression):
        found = _answered(part, stream)
        if found is None:
            rest.append(part)
        elif found is False:
            return None
        elif isinstance(found, Comparison):
            where.append(found)
        elif found is not True:
            since, until = max(since, found[0]), min(until, found[1])
    if since >= until:
        return None
    query = Query(
        stream.series,
        since=since if since > EARLIEST else None,
        until=until if until < LATEST else None,
        where=tuple(where),
    )
    return Plan(stream, query, tuple(rest))


def one_datastream(expression: Expression | None) -> int | None:
    """The id of the only datastream that can satisfy it, where the filter names one."""
    for part in conjuncts(expression):
        name, path, value = _told(part)
        match path:
            case ("Datastream", identifier) if name == "eq" and identifier in ID and type(value) is int:
                return value
            case (identifier,) if name == "eq" and identifier in ID and isinstance(value, str):
                return _stream_of_id(value)
    return None


def _stream_of_id(text: str) -> int:
    try:
        return split_observation_id(text)[0]
    except ValueError:
        return 0  # there is none with this number


def _answered(part: Expression, stream: Datastream) -> Answer:
    """What says the same for this datastream; None where only the observations can tell."""
    if isinstance(part, Literal):
        return None if isinstance(part.value, Several) else part.value is True
    name, path, value = _told(part)
    read = _READERS.get(path)
    return read(name, value, stream) if read else None


def _told(part: Expression) -> tuple[str, tuple[str, ...], Any]:
    """(relation, path, value) of what compares a property with a literal, as if it stood on the left; else no path."""
    if not isinstance(part, Call) or len(part.arguments) != 2:
        return "", (), None
    (left, right), name = part.arguments, part.name
    if isinstance(right, Property):
        left, right, name = right, left, _TURNED.get(name, "")
    if not isinstance(left, Property) or not isinstance(right, Literal) or isinstance(right.value, Several):
        return "", (), None
    return name, left.path, right.value


def _result_type(stream: Datastream) -> str:
    kind = kind_of(stream.series.quantity).kind
    return "number" if kind in _NUMERIC else "text" if kind in _TEXTUAL else ""


def _of_value(field: Field, name: str, value: Any, wanted: str) -> Answer:
    if name not in _OPERATORS:
        return None
    if type_of(value) != wanted:
        return name == "ne"  # what is of another type is never equal, and has no order
    if wanted == "number" and float(value) != value:
        return None  # a whole number that no fraction of the store can say
    return Comparison(field, _OPERATORS[name], value if wanted == "text" else float(value))


def _of_id(name: str, value: Any, stream: Datastream) -> Answer:
    if name != "eq":
        return None
    try:
        number, at = split_observation_id(value) if isinstance(value, str) else (0, 0)
    except ValueError:
        return False
    return (at, at + 1) if number == stream.id and observation_id(number, at) == value else False


def _of_time(name: str, value: Any, stream: Datastream) -> Answer:
    """What a relation of ``intervals`` says of ``at``, which is the end of what lasts ``period``."""
    if type_of(value) not in ("instant", "interval"):
        return name == "ne" if name in _OPERATORS else None
    begin, end = ends(value)
    period = stream.series.period
    if name not in ("eq", "ne"):
        return _RANGES[name](begin, end, period) if name in _RANGES else None
    is_possible = period == end - begin and end == int(end)
    if name == "eq":
        return (int(end), int(end) + 1) if is_possible else False
    return Comparison("at", "!=", int(end)) if is_possible else True


def _before(begin: float, _end: float, period: int) -> Range:
    return _at_most(begin) if period else _below(begin)


def _after(begin: float, end: float, period: int) -> Range:
    return _at_least(end + period) if begin < end else _above(end + period)


def _during(begin: float, end: float, period: int) -> Range:
    since = _at_least(begin + period)
    until = _at_most(end) if period or begin == end else _below(end)
    return since[0], until[1]


def _overlapping(begin: float, end: float, period: int) -> Range:
    since = _above(begin) if period else _at_least(begin)
    until = _below(end + period) if begin < end else _at_most(end + period)
    return since[0], until[1]


def _at_least(ms: float) -> Range:
    return _within(math.ceil(ms)), LATEST


def _above(ms: float) -> Range:
    return _within(math.floor(ms) + 1), LATEST


def _below(ms: float) -> Range:
    return EARLIEST, _within(math.ceil(ms))


def _at_most(ms: float) -> Range:
    return EARLIEST, _within(math.floor(ms) + 1)


def _within(ms: int) -> int:
    return min(max(ms, EARLIEST), LATEST)


_RANGES: dict[str, Callable[[float, float, int], Range]] = {
    "lt": _before,
    "before": _before,
    "le": lambda begin, end, period: _at_most(min(begin + period, end)),
    "gt": _after,
    "after": _after,
    "ge": lambda begin, end, period: _at_least(max(begin + period, end)),
    "during": _during,
    "overlaps": _overlapping,
}
_READERS: dict[tuple[str, ...], Callable[[str, Any, Datastream], Answer]] = {
    ("phenomenonTime",): _of_time,
    ("result",): lambda name, value, stream: _of_value("value", name, value, _result_type(stream)),
    ("resultQuality",): lambda name, value, _: _of_value("quality", name, value, "text"),
    **{(name,): _of_id for name in ID},
}
