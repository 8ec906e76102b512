"""Which query options came with a request? ``$filter=…&$expand=Datastreams($top=2)`` as values (18-088, 9.3)."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from collector.refusals import AskedWrongError
from collector.sensorthings.expression import Expression, Property
from collector.sensorthings.grammar import parse

PAGE = 100  # entities when nobody asks for a number
LARGEST_PAGE = 1000
DEEPEST_EXPAND = 4


@dataclass(frozen=True, slots=True)
class Options:
    top: int | None = None
    """As asked; see ``page``."""
    skip: int = 0
    count: bool = False
    orderby: tuple[tuple[Property, bool], ...] = ()
    """(property, descending)"""
    select: tuple[str, ...] = ()
    filter: Expression | None = None
    expand: dict[str, "Options"] = field(default_factory=dict)
    as_array: bool = False
    """``$resultFormat=dataArray``"""
    texts: dict[str, str] = field(default_factory=dict)
    """The options as they came, for the link to the next page."""

    @property
    def page(self) -> int:
        """How many entities one answer holds: a larger ``$top`` is cut, never an error."""
        return PAGE if self.top is None else min(self.top, LARGEST_PAGE)


def read_options(pairs: Iterable[tuple[str, str]], depth: int = 0) -> Options:
    """Raise AskedWrongError naming the option."""
    options: dict[str, str] = {}
    for name, text in pairs:
        if name not in OPTIONS:
            raise AskedWrongError(f"{name}: unknown query option; there are {' '.join(OPTIONS)}")
        if depth and name == "$resultFormat":
            raise AskedWrongError("$resultFormat: is said of the whole answer, not inside $expand")
        if name in options:
            raise AskedWrongError(f"{name}: given twice")
        options[name] = text
    return Options(
        top=_whole("$top", options["$top"]) if "$top" in options else None,
        skip=_whole("$skip", options.get("$skip", "0")),
        count=_flag("$count", options.get("$count", "false")),
        orderby=tuple(_order(part) for part in split_outside(options.get("$orderby", ""), ",")),
        select=tuple(part.removeprefix("@iot.") for part in split_outside(options.get("$select", ""), ",")),
        filter=parse(options["$filter"]) if "$filter" in options else None,
        expand=_expansions(options.get("$expand", ""), depth),
        as_array=_is_array(options.get("$resultFormat")),
        texts=options,
    )


OPTIONS: dict[str, tuple[type, str]] = {
    "$top": (int, f"How many entities a page has; {PAGE} without it, and {LARGEST_PAGE} at most"),
    "$skip": (int, "How many entities are passed over"),
    "$count": (bool, "Whether @iot.count tells how many there are on all pages"),
    "$orderby": (str, "Properties, each followed by asc or desc: phenomenonTime desc"),
    "$select": (str, "The properties that are shown: name,properties"),
    "$filter": (str, "What must hold: result gt 5 and Datastream/id eq 7"),
    "$expand": (str, "What stands inside: Datastreams($top=5;$expand=ObservedProperty)"),
    "$resultFormat": (str, "dataArray: observations without their keys"),
}
"""Name: (type, what it says)."""


def _whole(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 12:
        raise AskedWrongError(f"{name}: expected a whole number, got {text!r}")
    return int(text)


def _flag(name: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise AskedWrongError(f"{name}: expected true or false, got {text!r}")
    return text == "true"


def _is_array(text: str | None) -> bool:
    if text not in (None, "dataArray"):
        raise AskedWrongError(f"$resultFormat: expected dataArray, got {text!r}")
    return text is not None


def _order(part: str) -> tuple[Property, bool]:
    name, _, direction = part.partition(" ")
    way = direction.strip().lower()  # frost-sta-client writes DESC
    if way not in ("", "asc", "desc"):
        raise AskedWrongError(f"$orderby: expected asc or desc, got {direction.strip()!r}")
    return Property(tuple(name.split("/"))), way == "desc"


def _expansions(text: str, depth: int) -> dict[str, Options]:
    found: dict[str, Options] = {}
    for part in split_outside(text, ","):
        step, options = _expand(part, depth)
        found[step] = _both(step, found[step], options) if step in found else options
    return found


def _both(step: str, one: Options, other: Options) -> Options:
    """``Datastreams/Sensor,Datastreams/Observations`` expands both; with options of its own each stands once."""
    if one.texts or other.texts:
        raise AskedWrongError(f"$expand: {step} stands twice; write {step}($expand=…,…)")
    merged = dict(one.expand)
    for inner, options in other.expand.items():
        merged[inner] = _both(inner, merged[inner], options) if inner in merged else options
    return Options(expand=merged)


def _expand(part: str, depth: int) -> tuple[str, Options]:
    if depth >= DEEPEST_EXPAND:
        raise AskedWrongError(f"$expand: over {DEEPEST_EXPAND} levels deep")
    name, bracket, inner = part.partition("(")
    if bracket and not inner.endswith(")"):
        raise AskedWrongError(f"$expand: no closing bracket in {part!r}")
    first, slash, rest = name.partition("/")
    if slash:  # Datastreams/Sensor is short for Datastreams($expand=Sensor)
        return first, Options(expand=dict([_expand(rest + bracket + inner, depth + 1)]))
    pairs = []
    for option in split_outside(inner[:-1], ";"):
        key, equals, text = option.partition("=")
        if not equals:
            raise AskedWrongError(f"$expand: expected an option instead of {option!r}")
        pairs.append((key.strip(), text))
    return first, read_options(pairs, depth + 1)


def split_outside(text: str, separator: str) -> list[str]:
    """Cut at separators that stand outside brackets and quotes."""
    parts, depth, quoted, start = [], 0, False, 0
    for at, character in enumerate(text):
        if character == "'":
            quoted = not quoted
        elif not quoted:
            depth += (character == "(") - (character == ")")
            if character == separator and depth == 0:
                parts.append(text[start:at].strip())
                start = at + 1
    parts.append(text[start:].strip())
    return [part for part in parts if part]
