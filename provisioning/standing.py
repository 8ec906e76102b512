"""How does each board and thing stand after all that was said of it? Events in, fields and conflicts out; no files.

Each event knows how much of every van's log it had seen. What it sets replaces what it had seen; of two that had not
seen each other the later one counts, and both are shown as a conflict until an event that has seen both settles it.
The same events in any order give the same answer.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple


class Event(NamedTuple):
    """One line of one log. ``subject`` is ``board:ID`` or ``thing:ID``, ``at`` ms UTC, ``fields`` what it sets."""

    origin: str
    number: int
    at: int
    subject: str
    kind: str
    by: str
    fields: dict[str, Any]
    seen: dict[str, int]
    """The last number of each other log that its writer had."""


class Conflict(NamedTuple):
    """Two or more values that were set by people who had not seen each other's; the first one counts for now."""

    subject: str
    field: str
    values: list[Any]


class Standing(NamedTuple):
    """All subjects with their fields, and what is contested."""

    subjects: dict[str, dict[str, Any]]
    conflicts: list[Conflict]


def standing(events: Iterable[Event]) -> Standing:
    """Fields are compared as a whole, lists and dicts too."""
    last: dict[tuple[str, str], list[Event]] = {}
    for event in sorted(events, key=lambda e: (e.origin, e.number)):
        for field in event.fields:
            kept = [old for old in last.get((event.subject, field), []) if not _replaces(event, old)]
            if not any(_replaces(old, event) for old in kept):
                kept.append(event)
            last[event.subject, field] = kept
    subjects: dict[str, dict[str, Any]] = {}
    conflicts = []
    for (subject, field), kept in sorted(last.items()):
        newest_first = sorted(kept, key=lambda e: (e.at, e.origin, e.number), reverse=True)
        values = [event.fields[field] for event in newest_first]
        subjects.setdefault(subject, {})[field] = values[0]
        if any(value != values[0] for value in values):
            conflicts.append(Conflict(subject, field, values))
    return Standing(subjects, conflicts)


def shared_places(subjects: dict[str, dict[str, Any]]) -> list[Conflict]:
    """Things for which two boards speak that are both in use: two vans went to one place."""
    holders: dict[str, list[str]] = {}
    for subject, fields in sorted(subjects.items()):
        if subject.startswith("board:") and fields.get("status") != "retired":
            for thing in fields.get("things", []):
                holders.setdefault(thing, []).append(subject.removeprefix("board:"))
    return [Conflict(f"thing:{thing}", "board", found) for thing, found in sorted(holders.items()) if len(found) > 1]


def _replaces(event: Event, old: Event) -> bool:
    seen = event.number - 1 if event.origin == old.origin else event.seen.get(old.origin, 0)
    return seen >= old.number
