"""In which order do entities stand? By several keys, each up or down; null first, numbers before texts.

A time that lasts stands where it ends, as in the stores.
"""

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from collector.sensorthings.expression import Property
from collector.sensorthings.intervals import ends
from collector.sensorthings.literals import Instant, Interval

One = TypeVar("One")
Key = tuple[Property, bool]
"""(property, descending)"""


def ordered(several: list[One], keys: Sequence[Key], value_of: Callable[[One, Property], Any]) -> list[One]:
    """What is equal in all keys stays in the order it had."""
    for asked, descending in reversed(keys):
        several = sorted(several, key=lambda one, asked=asked: rank(value_of(one, asked)), reverse=descending)  # type: ignore[misc]  # the default binds this turn's key
    return several


def rank(value: Any) -> tuple[int, Any]:
    """Comparable with that of any other value."""
    if value is None:
        return 0, 0
    if isinstance(value, (bool, int, float)):
        return 1, value
    if isinstance(value, (Instant, Interval)):
        return 1, ends(value)[1]
    return 2, str(value)


class Best(Generic[One]):
    """The first few of many in an order, without keeping the many. ``tie`` settles what is equal in all keys."""

    def __init__(
        self, count: int, keys: Sequence[Key], value_of: Callable[[One, Property], Any], tie: Callable[[One], Any]
    ) -> None:
        self._count = count
        self._keys = keys
        self._value_of = value_of
        self._tie = tie
        self._found: list[One] = []

    def add(self, one: One) -> None:
        self._found.append(one)
        if len(self._found) >= 2 * self._count + 100:
            self.cut()

    def cut(self) -> list[One]:
        """Those that stand first so far, in order."""
        self._found = ordered(sorted(self._found, key=self._tie), self._keys, self._value_of)[: self._count]
        return self._found
