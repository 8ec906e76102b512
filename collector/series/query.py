"""What can be asked of a store?"""

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from collector.observation import Observation, Series

Field = Literal["at", "value", "quality"]
Operator = Literal["==", "!=", "<", "<=", ">", ">="]

_OPERATORS: dict[Operator, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """``Comparison("value", ">", 21.5)``; quality is compared as judged (valid, suspect, estimated, substituted)."""

    field: Field
    operator: Operator
    operand: float | str

    def holds(self, one: Observation) -> bool:
        """Text never compares with a number, and a position with nothing."""
        value = one.judged if self.field == "quality" else one.at if self.field == "at" else one.value
        if isinstance(value, str) != isinstance(self.operand, str) or isinstance(value, tuple):
            return False
        return _OPERATORS[self.operator](value, self.operand)


@dataclass(frozen=True, slots=True)
class Query:
    """Observations of one series, at most one version per instant unless ``versions`` is "all"."""

    series: Series
    since: int | None = None
    """ms UTC, inclusive."""
    until: int | None = None
    """ms UTC, exclusive."""
    where: tuple[Comparison, ...] = field(default=())
    """All must hold, on the version that is returned."""
    order: Literal["at", "value"] = "at"
    """Ties in value stand in order of time."""
    descending: bool = False
    limit: int | None = None
    offset: int = 0
    as_of: int | None = None
    """ms UTC: only what was known then."""
    versions: Literal["latest", "all"] = "latest"
    """"all" returns every content kept, the oldest known first within one instant."""
