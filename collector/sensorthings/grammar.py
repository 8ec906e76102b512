"""How is a filter written? Text to expression, with every bound a stranger's text needs (18-088, 9.3.3.5).

From loose to tight: or, and, not, eq ne, lt le gt ge, add sub, mul div mod, the sign, and brackets (OData 4.0,
5.1.1.14).
Instants are ISO 8601 with an offset, intervals two of them with a slash, both unquoted; text stands in single quotes,
durations as ``duration'PT1H'``, shapes as ``geography'POINT (13.73 45.55)'``.
"""

import re
from datetime import date, time
from typing import Any

from collector.refusals import AskedWrongError
from collector.sensorthings.expression import Call, Expression, Literal, Property, call
from collector.sensorthings.functions import FUNCTIONS, type_of
from collector.sensorthings.geography import read_wkt
from collector.sensorthings.literals import read_duration, read_instant, read_interval

LONGEST = 10_000  # characters
DEEPEST = 32  # brackets, calls, nots and signs within each other
MOST_PARTS = 300  # names, literals and operators

_INSTANT = r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)?"
_TOKEN = re.compile(
    rf"""(?:
    (?P<interval>{_INSTANT}/{_INSTANT})
  | (?P<instant>{_INSTANT})
  | (?P<date>\d{{4}}-\d\d-\d\d)(?![\w-])
  | (?P<clock>\d\d:\d\d(?::\d\d(?:\.\d{{1,6}})?)?)(?![\w:-])
  | (?P<number>\d{{1,40}}(?:\.\d{{1,40}})?(?:[eE][+-]?\d{{1,3}})?)(?![\w-])
  | duration'(?P<duration>[^']*)'
  | geo(?:graphy|metry)'(?P<shape>[^']*)'
  | '(?P<text>(?:[^']|'')*)'
  | (?P<name>@?[A-Za-z_][\w.]*(?:/@?\w[\w.-]*)*)
  | (?P<mark>[(),-])
    )\s*""",
    re.VERBOSE,
)
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_LEVELS = (("or",), ("and",), (), ("eq", "ne"), ("lt", "le", "gt", "ge"), ("add", "sub"), ("mul", "div", "mod"))
_NOT = 2
OPERATORS = frozenset(word for level in _LEVELS for word in level) | {"not"}

Token = tuple[str, str]


def parse(text: str) -> Expression:
    """Return the expression; raise AskedWrongError naming the place."""
    if len(text) > LONGEST:
        raise AskedWrongError(f"$filter: over {LONGEST} characters")
    expression = parse_value(text)
    if _type(expression) not in ("boolean", "any", "null"):
        raise AskedWrongError(f"$filter: expected something that is true or false, got a {_type(expression)}")
    return expression


def parse_value(text: str) -> Expression:
    """As ``parse``, of any type."""
    return _Parser(_tokens(text)).whole()


class _Parser:
    """Recursive descent; how deep is counted before it goes deeper."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def whole(self) -> Expression:
        expression = self._level(0)
        if self._at < len(self._tokens):
            raise AskedWrongError(f"$filter: unexpected {self._peek()[1]!r}")
        return expression

    def _level(self, level: int) -> Expression:
        if level == len(_LEVELS):
            return self._signed()
        if level == _NOT:
            return self._negated()
        found = self._level(level + 1)
        while self._peek() in [("name", word) for word in _LEVELS[level]]:
            operator = self._next()[1]
            found = _joined(operator, found, self._level(level + 1))
        return found

    def _negated(self) -> Expression:
        if self._peek() != ("name", "not"):
            return self._level(_NOT + 1)
        self._next()
        self._deeper()
        found = self._level(_NOT)
        self._depth -= 1
        _refuse_other("not", 0, found, "boolean")
        return call("not", (found,))

    def _signed(self) -> Expression:
        if self._peek() != ("mark", "-"):
            return self._operand()
        self._next()
        self._deeper()
        found = self._signed()
        self._depth -= 1
        return _made("-", [found])

    def _operand(self) -> Expression:
        kind, text = self._next()
        if (kind, text) == ("mark", "("):
            self._deeper()
            found = self._level(0)
            self._take(")")
            self._depth -= 1
            return found
        if kind in _READERS:
            return Literal(_READERS[kind](text))
        if kind != "name" or text in OPERATORS:
            raise AskedWrongError(f"$filter: expected a property or a value instead of {text or 'the end'!r}")
        if self._peek() == ("mark", "("):
            return self._function(text)
        return Literal(_WORDS[text]) if text in _WORDS else Property(tuple(text.split("/")))

    def _function(self, name: str) -> Expression:
        if name not in FUNCTIONS or name == "-":
            raise AskedWrongError(f"$filter: there is no function {name}")
        self._next()
        self._deeper()
        arguments: list[Expression] = []
        while self._peek() != ("mark", ")"):
            if arguments:
                self._take(",")
            arguments.append(self._level(0))
        self._next()
        self._depth -= 1
        return _made(name, arguments)

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise AskedWrongError(f"$filter: over {DEEPEST} brackets deep")

    def _peek(self) -> Token:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _next(self) -> Token:
        token = self._peek()
        self._at += 1
        return token

    def _take(self, mark: str) -> None:
        token = self._next()
        if token != ("mark", mark):
            raise AskedWrongError(f"$filter: expected {mark!r} instead of {token[1] or 'the end'!r}")


def _joined(operator: str, left: Expression, right: Expression) -> Expression:
    if operator not in ("and", "or"):
        return _made(operator, [left, right])
    for place, part in enumerate((left, right)):
        _refuse_other(operator, place, part, "boolean")
    # one call of many parts, not many of two: a long list of alternatives is not deep
    parts = left.arguments if isinstance(left, Call) and left.name == operator else (left,)
    return call(operator, (*parts, right))


def _made(name: str, arguments: list[Expression]) -> Expression:
    function = FUNCTIONS[name]
    most = len(function.takes)
    if not most - function.optional <= len(arguments) <= most:
        least = f"{most - function.optional} to " if function.optional else ""
        raise AskedWrongError(f"$filter: {name} takes {least}{most} values, got {len(arguments)}")
    for place, (argument, takes) in enumerate(zip(arguments, function.takes, strict=False)):
        _refuse_other(name, place, argument, takes)
    made = call(name, tuple(arguments))
    if _depth(made) > DEEPEST:
        raise AskedWrongError(f"$filter: over {DEEPEST} operators within each other")
    return made


def _refuse_other(name: str, place: int, argument: Expression, takes: str) -> None:
    found = _type(argument)
    if takes != "any" and found not in ("any", "null", *takes.split()):
        wanted = " or ".join(takes.split())
        raise AskedWrongError(f"$filter: {name} takes a {wanted} as value {place + 1}, got a {found}")


def _type(expression: Expression) -> str:
    if isinstance(expression, Literal):
        return type_of(expression.value)
    if isinstance(expression, Property):
        return "any"
    return FUNCTIONS[expression.name].gives if expression.name in FUNCTIONS else "boolean"


def _depth(expression: Expression) -> int:
    return 1 + max(map(_depth, expression.arguments), default=0) if isinstance(expression, Call) else 0


def _number(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise AskedWrongError(f"$filter: {text} is too large")
    return int(text) if text.isdigit() and number < 2**63 else number


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise AskedWrongError(f"{text}: not a date") from None


def _clock(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise AskedWrongError(f"{text}: not a time of day") from None


_READERS: dict[str, Any] = {
    "instant": read_instant,
    "interval": read_interval,
    "duration": read_duration,
    "date": _date,
    "clock": _clock,
    "number": _number,
    "shape": read_wkt,
    "text": lambda text: text.replace("''", "'"),
}


def _tokens(text: str) -> list[Token]:
    tokens: list[Token] = []
    text = text.strip()
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise AskedWrongError(f"$filter: can't read {text[at : at + 20].strip()!r}")
        kind = match.lastgroup or ""
        tokens.append((kind, match.group(kind)))
        at = match.end()
        if len(tokens) > MOST_PARTS:
            raise AskedWrongError(f"$filter: over {MOST_PARTS} names, values and operators")
    return tokens
