"""What is a filter, and does an entity satisfy it? A tree of properties, literals and calls (18-088, 9.3.3.5).

A path that leads through a set has several values, and a call of it one for each of them: a comparison holds when it
holds for any. A set without entities is null.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice, product
from typing import Any, NamedTuple

from collector.sensorthings.functions import FUNCTIONS, work_out

MOST_VALUES = 1000  # of one call over paths that lead through sets


class Property(NamedTuple):
    """``name``, ``properties/center``: the way to a value."""

    path: tuple[str, ...]

    def __str__(self) -> str:
        return "/".join(self.path)


class Several(NamedTuple):
    """The values of a path through a set, at least two; any of them may be meant."""

    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Literal:
    value: Any


@dataclass(frozen=True, slots=True)
class Call:
    """Of an operator or a function, by its name."""

    name: str
    arguments: tuple["Expression", ...]


Expression = Property | Literal | Call

TRUE, FALSE = Literal(value=True), Literal(value=False)


def satisfies(expression: Expression, value_of: Callable[[Property], Any]) -> bool:
    """Whether the entity whose properties ``value_of`` gives satisfies the expression."""
    return _is_true(evaluate(expression, value_of))


def evaluate(expression: Expression, value_of: Callable[[Property], Any]) -> Any:
    if isinstance(expression, Literal):
        return expression.value
    if isinstance(expression, Property):
        return value_of(expression)
    name = expression.name
    if name in ("and", "or"):
        return _joined(name == "or", (evaluate(part, value_of) for part in expression.arguments))
    values = [evaluate(part, value_of) for part in expression.arguments]
    if name == "not":
        return None if (truth := _truth(values[0])) is None else not truth
    if any(isinstance(value, Several) for value in values):
        choices = product(*(value.values if isinstance(value, Several) else (value,) for value in values))
        found = tuple(work_out(name, list(choice)) for choice in islice(choices, MOST_VALUES))
        return _any(found) if FUNCTIONS[name].gives == "boolean" else Several(found)
    return work_out(name, values)


def conjuncts(expression: Expression | None) -> tuple[Expression, ...]:
    """The parts that must all hold."""
    if expression is None:
        return ()
    if isinstance(expression, Call) and expression.name == "and":
        return tuple(one for part in expression.arguments for one in conjuncts(part))
    return (expression,)


def properties_of(expression: Expression) -> Iterator[Property]:
    """Every property that an expression asks for."""
    if isinstance(expression, Property):
        yield expression
    elif isinstance(expression, Call):
        for part in expression.arguments:
            yield from properties_of(part)


def cost_of(expression: Expression) -> int:
    """How much work one entity is, beside a comparison of numbers."""
    if not isinstance(expression, Call):
        return 1
    own = FUNCTIONS[expression.name].cost if expression.name in FUNCTIONS else 1
    return own + sum(cost_of(part) for part in expression.arguments)


def simplified(expression: Expression, known: Callable[[Property], Expression]) -> Expression:
    """The same, where ``known`` says what stands for some properties and leaves the others as they are."""
    if isinstance(expression, Property):
        return known(expression)
    if isinstance(expression, Literal):
        return expression
    return call(expression.name, tuple(simplified(part, known) for part in expression.arguments))


def call(name: str, arguments: tuple[Expression, ...]) -> Expression:
    """The call, or what it gives where nothing has to be known for that."""
    if name in ("and", "or"):
        decides, adds_nothing = (FALSE, TRUE) if name == "and" else (TRUE, FALSE)
        left = tuple(part for part in arguments if not is_literal(part, adds_nothing.value))
        if any(is_literal(part, decides.value) for part in left):
            return decides
        if len(left) < 2:
            return left[0] if left else adds_nothing
        return Call(name, left)
    made = Call(name, arguments)
    if all(isinstance(part, Literal) for part in arguments):
        return Literal(evaluate(made, _nothing))
    return made


def is_literal(expression: Expression, value: bool | None) -> bool:
    """Whether it is this literal: 1 is not true."""
    return isinstance(expression, Literal) and expression.value is value


def _nothing(_: Property) -> None:
    return None


def _joined(decisive: bool, values: Iterator[Any]) -> bool | None:
    """And, or: one false decides the one, one true the other; else null is not known."""
    unknown = False
    for value in values:
        truth = _truth(value)
        if truth is decisive:
            return decisive
        unknown = unknown or truth is None
    return None if unknown else not decisive


def _truth(value: Any) -> bool | None:
    if isinstance(value, Several):
        return _any(value.values)
    return value if isinstance(value, bool) else None


def _any(values: tuple[Any, ...]) -> bool | None:
    if True in [value for value in values if isinstance(value, bool)]:
        return True
    return False if False in [value for value in values if isinstance(value, bool)] else None


def _is_true(value: Any) -> bool:
    return _truth(value) is True
