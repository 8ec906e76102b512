"""Which series, and which stretch of time, does a request name? Read and refused in one place for every format."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from collector.analysis.windows import AFTER
from collector.entities.registry import Datastream
from collector.observation import kind_of
from collector.refusals import AskedWrongError, NotThereError
from collector.view import View

MOST_NAMED = 1_000  # things in one question
MOST_SERIES = 1_000  # in one answer
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FORMS = "ms UTC or ISO 8601 with its offset, as 2026-11-23T00:00:00Z"


def _read_instant(given: Any) -> Any:
    """``int`` for either form; "+" comes as a blank where a client forgot to write %2B."""
    if not isinstance(given, str) or (given.isascii() and given.isdigit()):
        return given
    try:
        when = datetime.fromisoformat(given.replace(" ", "+") if "T" in given else given)
    except ValueError:
        raise ValueError(f"expected {_FORMS}") from None
    if when.tzinfo is None:
        raise ValueError(f"expected {_FORMS}: this one has no offset")
    since = when - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


Instant = Annotated[
    int,
    BeforeValidator(_read_instant),
    Field(ge=0, lt=AFTER),
    WithJsonSchema(
        {
            "description": _FORMS,
            "anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "format": "date-time"}],
        }
    ),
]
"""ms UTC."""


def check_center(view: View, center: str | None) -> None:
    """AskedWrongError names the centers there are."""
    if center is not None and center not in view.centers:
        raise AskedWrongError(f"center: expected one of {' '.join(view.centers)}, got {center}")


def check_quantity(quantity: str) -> None:
    """AskedWrongError when the contract has no such quantity."""
    try:
        kind_of(quantity)
    except ValueError as error:
        raise AskedWrongError(f"quantity: {quantity}: {error}") from None


def check_things(view: View, things: Iterable[str]) -> None:
    """NotThereError for one that is not there, or not to be seen."""
    for thing in things:
        if view.thing(thing) is None:
            raise NotThereError(f"thing: there is no {thing}")


def streams_of(
    view: View, things: Sequence[str], quantities: Sequence[str], center: str | None, period: int | None
) -> list[Datastream]:
    """In order of the things named, else of the datastreams; at most ``MOST_SERIES``."""
    if not things and not quantities and center is None:
        raise AskedWrongError("thing: name a thing, a quantity or a center")
    check_center(view, center)
    check_things(view, things)
    for quantity in quantities:
        check_quantity(quantity)
    if things:
        several: Iterable[Datastream] = (one for thing in dict.fromkeys(things) for one in view.datastreams_of(thing))
    else:
        several = view.datastreams
    wanted = frozenset(quantities)
    found = [
        one
        for one in several
        if (not wanted or one.series.quantity in wanted)
        and period in (None, one.series.period)
        and (center is None or view.owner(one.series) == center)
    ]
    if len(found) > MOST_SERIES:
        raise AskedWrongError(f"thing: at most {MOST_SERIES} series in one answer, this names {len(found)}")
    return found
