"""What does a ``$filter`` say? Text to expression, and whether an entity satisfies it (18-088, 9.3.3.5).

Comparisons (eq ne gt ge lt le) of properties and literals, joined by and, or, not and brackets. Functions are not
offered yet. Instants are written as ISO 8601 with an offset, unquoted; text in single quotes.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from collector.sensorthings import AskedWrongError

LONGEST = 4000  # characters
DEEPEST = 40  # brackets and nots


class Instant(NamedTuple):
    """A moment, ms UTC; a type of its own, so that it never compares with a number."""

    ms: int


class Property(NamedTuple):
    """``name``, ``properties/center``: the way to a value."""

    path: tuple[str, ...]


Operand = Property | Instant | float | int | str | bool | None


@dataclass(frozen=True, slots=True)
class Comparison:
    operator: str
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Joined:
    """``operator`` is and, or."""

    operator: str
    parts: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Negated:
    part: "Expression"


Expression = Comparison | Joined | Negated

OPERATORS = ("eq", "ne", "gt", "ge", "lt", "le")

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<instant>\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d))
  | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w-])
  | '(?P<text>(?:[^']|'')*)'
  | (?P<name>@?[A-Za-z_][\w.]*(?:/@?[A-Za-z_][\w.]*)*)
  | (?P<bracket>[(),])
    )""",
    re.VERBOSE,
)
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


def parse(text: str) -> Expression:
    """Return the expression; raise AskedWrongError naming the place."""
    if len(text) > LONGEST:
        raise AskedWrongError(f"$filter: over {LONGEST} characters")
    return _Parser(text).whole()


def satisfies(expression: Expression, value_of: Callable[[Property], Any]) -> bool:
    """Whether the entity whose properties ``value_of`` gives satisfies the expression."""
    match expression:
        case Comparison(operator, left, right):
            first = value_of(left) if isinstance(left, Property) else left
            second = value_of(right) if isinstance(right, Property) else right
            return _compare(operator, first, second)
        case Negated(part):
            return not satisfies(part, value_of)
        case Joined("and", parts):
            return all(satisfies(part, value_of) for part in parts)
        case Joined(_, parts):
            return any(satisfies(part, value_of) for part in parts)


def conjuncts(expression: Expression | None) -> tuple[Expression, ...]:
    """The parts that must all hold."""
    if expression is None:
        return ()
    if isinstance(expression, Joined) and expression.operator == "and":
        return tuple(one for part in expression.parts for one in conjuncts(part))
    return (expression,)


def properties_of(expression: Expression) -> set[Property]:
    """Every property that an expression asks for."""
    match expression:
        case Comparison(_, left, right):
            return {one for one in (left, right) if isinstance(one, Property)}
        case Negated(part):
            return properties_of(part)
        case Joined(_, parts):
            return {one for part in parts for one in properties_of(part)}


def _compare(operator: str, left: Any, right: Any) -> bool:
    if operator in ("eq", "ne"):
        return (_comparable(left, right) and bool(left == right)) is (operator == "eq")
    if left is None or right is None or not _comparable(left, right):
        return False
    if operator in ("gt", "ge"):
        return bool(left > right) or (operator == "ge" and bool(left == right))
    return bool(left < right) or (operator == "le" and bool(left == right))


def _comparable(left: Any, right: Any) -> bool:
    numbers = (int, float)
    if left is None or right is None:
        return left is right
    if isinstance(left, bool) or isinstance(right, bool):
        return isinstance(left, bool) and isinstance(right, bool)
    return type(left) is type(right) or (isinstance(left, numbers) and isinstance(right, numbers))


class _Parser:
    """Recursive descent: or < and < not < comparison."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0
        self._depth = 0

    def whole(self) -> Expression:
        expression = self._joined("or")
        if self._at < len(self._tokens):
            raise AskedWrongError(f"$filter: unexpected {self._tokens[self._at][1]!r}")
        return expression

    def _joined(self, operator: str) -> Expression:
        parts = [self._below(operator)]
        while self._peek() == ("name", operator):
            self._at += 1
            parts.append(self._below(operator))
        return parts[0] if len(parts) == 1 else Joined(operator, tuple(parts))

    def _below(self, operator: str) -> Expression:
        return self._joined("and") if operator == "or" else self._term()

    def _term(self) -> Expression:
        self._depth += 1
        if self._depth > DEEPEST:
            raise AskedWrongError(f"$filter: over {DEEPEST} brackets deep")
        if self._peek() == ("name", "not"):
            self._at += 1
            term: Expression = Negated(self._term())
        elif self._peek() == ("bracket", "("):
            self._at += 1
            term = self._joined("or")
            self._take(("bracket", ")"))
        else:
            term = self._comparison()
        self._depth -= 1
        return term

    def _comparison(self) -> Expression:
        left = self._operand()
        kind, operator = self._peek()
        if kind != "name" or operator not in OPERATORS:
            raise AskedWrongError(
                f"$filter: expected one of {' '.join(OPERATORS)} instead of {operator or 'the end'!r}"
            )
        self._at += 1
        return Comparison(operator, left, self._operand())

    def _operand(self) -> Operand:
        kind, text = self._peek()
        self._at += 1
        if kind == "number":
            return float(text) if any(c in text for c in ".eE") else int(text)
        if kind == "text":
            return text
        if kind == "instant":
            return Instant(to_ms(text))
        if kind == "name":
            if text in _WORDS:
                return _WORDS[text]
            if self._peek() == ("bracket", "("):
                raise AskedWrongError(f"$filter: function {text} is not offered")
            return Property(tuple(text.split("/")))
        raise AskedWrongError(f"$filter: expected a property or a value instead of {text or 'the end'!r}")

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _take(self, token: tuple[str, str]) -> None:
        if self._peek() != token:
            raise AskedWrongError(f"$filter: expected {token[1]!r} instead of {self._peek()[1] or 'the end'!r}")
        self._at += 1


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, at = [], 0
    text = text.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise AskedWrongError(f"$filter: can't read {text[at : at + 20].strip()!r}")
        kind = match.lastgroup or ""
        token = match.group(kind)
        tokens.append((kind, token.replace("''", "'") if kind == "text" else token))
        at = match.end()
    return tokens


def to_ms(text: str) -> int:
    """ISO 8601 with an offset to ms UTC; raise AskedWrongError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise AskedWrongError(f"{text}: not a time") from None
    if moment.tzinfo is None:
        raise AskedWrongError(f"{text}: expected an offset or Z")
    return round(moment.timestamp() * 1000)
