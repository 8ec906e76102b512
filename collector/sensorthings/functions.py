"""What can a filter compute? Every operator and function of 18-088, 9.3.3.5, and what each takes and gives.

Null: ``eq`` and ``ne`` know it as a value of its own, an order with it never holds, and everything else that is given
null, or something of a type it does not take, is null. What is null in the end does not satisfy the filter.
"""

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any, NamedTuple

from shapely.errors import ShapelyError
from shapely.geometry.base import BaseGeometry

from collector.sensorthings import geography, intervals
from collector.sensorthings.literals import LONGEST_DURATION, Duration, Instant, Interval, read_instant

_TEXT, _NUMBER, _INSTANT, _SHAPE = "text", "number", "instant", "geometry"
_MOMENT = "instant interval"
_ANY = "any"
LARGEST = 2**63  # of whole numbers: what is larger goes on as a fraction


class Function(NamedTuple):
    takes: tuple[str, ...]
    """Of each argument the types it may have, joined by spaces."""
    gives: str
    work: Callable[..., Any]
    optional: int = 0
    """How many of the last arguments may be left out."""
    cost: int = 1
    """Beside a comparison of numbers."""


def type_of(value: Any) -> str:
    """The name of its type; "any" for JSON that is no single value, which may be a shape."""
    name = _TYPES.get(type(value))
    if name is None:
        return _SHAPE if isinstance(value, BaseGeometry) else _ANY
    return name


_TYPES: dict[type, str] = {
    float: _NUMBER,
    int: _NUMBER,
    str: _TEXT,
    bool: "boolean",
    type(None): "null",
    Instant: _INSTANT,
    Interval: "interval",
    Duration: "duration",
    date: "date",
    time: "clock",
}


# ---- comparisons ------------------------------------------------------------------------------------------------


def _equals(left: Any, right: Any) -> bool:
    if left is None or right is None:
        return left is right
    first, second = type_of(left), type_of(right)
    if first in _MOMENTS and second in _MOMENTS:
        return intervals.is_equal(left, right)
    return first == second and bool(left == right)


def _is_less(left: Any, right: Any) -> bool:
    first, second = type_of(left), type_of(right)
    if first in _MOMENTS and second in _MOMENTS:
        return intervals.is_before(left, right)
    return first == second and first in _ORDERED and bool(left < right)


def _is_at_most(left: Any, right: Any) -> bool:
    first, second = type_of(left), type_of(right)
    if first in _MOMENTS and second in _MOMENTS:
        return intervals.is_no_later(left, right)
    return first == second and first in _ORDERED and bool(left <= right)


_MOMENTS = (_INSTANT, "interval")
_ORDERED = (_NUMBER, _TEXT, "duration", "date", "clock")


# ---- arithmetic -------------------------------------------------------------------------------------------------


def _number(value: float) -> float:
    return float(value) if isinstance(value, int) and abs(value) >= LARGEST else value


def _add(left: Any, right: Any) -> Any:
    if isinstance(right, Duration):
        return _moved(left, right.ms)
    if isinstance(left, Duration):
        return _moved(right, left.ms)
    return _number(left + right) if type_of(left) == type_of(right) == _NUMBER else None


def _subtract(left: Any, right: Any) -> Any:
    if isinstance(right, Duration):
        return _moved(left, -right.ms)
    if isinstance(left, Instant) and isinstance(right, Instant):
        return Duration(left.ms - right.ms)
    if isinstance(left, date) and isinstance(right, date):
        return Duration((left - right).days * 86_400_000.0)
    return _number(left - right) if type_of(left) == type_of(right) == _NUMBER else None


def _moved(moment: Any, ms: float) -> Any:
    match moment:
        case Instant(at, offset):
            return Instant(at + ms, offset)
        case Duration(length):
            return _duration(length + ms)
        case Interval(begin, end):
            return Interval(begin + ms, end + ms)
        case date():
            return moment + timedelta(days=ms // 86_400_000)
    return None


def _duration(ms: float) -> Duration | None:
    return Duration(ms) if abs(ms) <= LONGEST_DURATION else None


def _multiply(left: Any, right: Any) -> Any:
    if isinstance(left, Duration) or isinstance(right, Duration):
        length, factor = (left, right) if isinstance(left, Duration) else (right, left)
        return _duration(length.ms * factor) if type_of(factor) == _NUMBER else None
    return _number(left * right)


def _divide(left: Any, right: Any) -> Any:
    """Whole numbers give a whole number (OData 4.0, 5.1.1.2.4)."""
    if isinstance(left, Duration):
        return _duration(left.ms / right)
    if isinstance(left, int) and isinstance(right, int):
        quotient = abs(left) // abs(right)
        return quotient if (left < 0) == (right < 0) else -quotient
    return left / right


def _remainder(left: float, right: float) -> float:
    """Has the sign of what was divided (OData 4.0, 5.1.1.2.5)."""
    if isinstance(left, int) and isinstance(right, int):
        rest = abs(left) % abs(right)
        return -rest if left < 0 else rest
    return math.fmod(left, right)


def _negate(value: Any) -> Any:
    return Duration(-value.ms) if isinstance(value, Duration) else -value


# ---- text -------------------------------------------------------------------------------------------------------


def _substring(text: str, start: float, count: float | None = None) -> str:
    first = max(int(start), 0)
    return text[first:] if count is None else text[first : first + max(int(count), 0)]


# ---- times ------------------------------------------------------------------------------------------------------


def _of_moment(read: Callable[[datetime], Any]) -> Callable[[Instant | Interval], Any]:
    """What a clock on the wall says, in the offset the time was written with; of an interval, at its begin."""

    def work(moment: Instant | Interval) -> Any:
        ms, offset = (moment.ms, moment.offset) if isinstance(moment, Instant) else (moment.begin, 0)
        zone = UTC if offset == 0 else timezone(timedelta(minutes=offset))
        return read(_BEGINNING.astimezone(zone) + timedelta(milliseconds=ms))

    return work


def _of_day(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    of_moment = _of_moment(read)
    return lambda value: read(value) if isinstance(value, (date, time)) else of_moment(value)


_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
MINIMUM = read_instant("0001-01-01T00:00:00Z")
MAXIMUM = read_instant("9999-12-31T23:59:59.999Z")


# ---- numbers ----------------------------------------------------------------------------------------------------


def _round(value: float) -> float:
    """Halves go away from zero (OData 4.0, 5.1.1.9.1)."""
    whole = math.floor(abs(value))
    return math.copysign(whole + (abs(value) - whole >= 0.5), value)


_A_SHAPE = 40  # a test of shapes costs so many comparisons

FUNCTIONS: dict[str, Function] = {
    "eq": Function((_ANY, _ANY), "boolean", _equals),
    "ne": Function((_ANY, _ANY), "boolean", lambda left, right: not _equals(left, right)),
    "lt": Function((_ANY, _ANY), "boolean", _is_less),
    "le": Function((_ANY, _ANY), "boolean", _is_at_most),
    "gt": Function((_ANY, _ANY), "boolean", lambda left, right: _is_less(right, left)),
    "ge": Function((_ANY, _ANY), "boolean", lambda left, right: _is_at_most(right, left)),
    "add": Function(("number instant interval duration date",) * 2, _ANY, _add),
    "sub": Function(("number instant interval duration date",) * 2, _ANY, _subtract),
    "mul": Function(("number duration",) * 2, _ANY, _multiply),
    "div": Function(("number duration", _NUMBER), _ANY, _divide),
    "mod": Function((_NUMBER, _NUMBER), _NUMBER, _remainder),
    "-": Function(("number duration",), _ANY, _negate),
    "substringof": Function((_TEXT, _TEXT), "boolean", lambda part, text: part in text),
    "endswith": Function((_TEXT, _TEXT), "boolean", str.endswith),
    "startswith": Function((_TEXT, _TEXT), "boolean", str.startswith),
    "length": Function((_TEXT,), _NUMBER, len),
    "indexof": Function((_TEXT, _TEXT), _NUMBER, str.find),
    "substring": Function((_TEXT, _NUMBER, _NUMBER), _TEXT, _substring, optional=1),
    "tolower": Function((_TEXT,), _TEXT, str.lower),
    "toupper": Function((_TEXT,), _TEXT, str.upper),
    "trim": Function((_TEXT,), _TEXT, str.strip),
    "concat": Function((_TEXT, _TEXT), _TEXT, lambda one, other: one + other),
    "year": Function((f"{_MOMENT} date",), _NUMBER, _of_day(lambda when: when.year)),
    "month": Function((f"{_MOMENT} date",), _NUMBER, _of_day(lambda when: when.month)),
    "day": Function((f"{_MOMENT} date",), _NUMBER, _of_day(lambda when: when.day)),
    "hour": Function((f"{_MOMENT} clock",), _NUMBER, _of_day(lambda when: when.hour)),
    "minute": Function((f"{_MOMENT} clock",), _NUMBER, _of_day(lambda when: when.minute)),
    "second": Function((f"{_MOMENT} clock",), _NUMBER, _of_day(lambda when: when.second)),
    "fractionalseconds": Function((f"{_MOMENT} clock",), _NUMBER, _of_day(lambda when: when.microsecond / 1e6)),
    "date": Function((_MOMENT,), "date", _of_moment(datetime.date)),
    "time": Function((_MOMENT,), "clock", _of_moment(datetime.time)),
    "totaloffsetminutes": Function(
        (_MOMENT,), _NUMBER, lambda moment: moment.offset if isinstance(moment, Instant) else 0
    ),
    "now": Function((), _INSTANT, lambda: Instant(int(datetime.now(UTC).timestamp() * 1000))),
    "mindatetime": Function((), _INSTANT, lambda: MINIMUM),
    "maxdatetime": Function((), _INSTANT, lambda: MAXIMUM),
    "round": Function((_NUMBER,), _NUMBER, _round),
    "floor": Function((_NUMBER,), _NUMBER, math.floor),
    "ceiling": Function((_NUMBER,), _NUMBER, math.ceil),
    "geo.distance": Function((_SHAPE, _SHAPE), _NUMBER, geography.distance, cost=_A_SHAPE),
    "geo.length": Function((_SHAPE,), _NUMBER, geography.length, cost=_A_SHAPE),
    "st_relate": Function((_SHAPE, _SHAPE, _TEXT), "boolean", geography.relate, cost=_A_SHAPE),
    **{name: Function((_SHAPE, _SHAPE), "boolean", work, cost=_A_SHAPE) for name, work in geography.RELATIONS.items()},
    **{name: Function((_MOMENT, _MOMENT), "boolean", work) for name, work in intervals.RELATIONS.items()},
}
"""Beside ``and``, ``or`` and ``not``, which need not look at all they join."""


def work_out(name: str, values: list[Any]) -> Any:
    """What the function gives for these; null where it has no answer."""
    function = FUNCTIONS[name]
    if _ANY not in function.takes:
        for index, (value, takes) in enumerate(zip(values, function.takes, strict=False)):
            if takes == _SHAPE:
                values[index] = geography.geometry_of(value)
                if values[index] is None:
                    return None
            elif type_of(value) not in takes.split():
                return None
    try:
        return function.work(*values)
    except (ArithmeticError, ValueError, ShapelyError):  # beyond what numbers or the calendar can say
        return None
