"""What was measured, between which limits, and is it well? For JUnit, for JSON, and for the failure that it causes."""

from collections.abc import Callable
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Measurement:
    name: str
    value: float
    unit: str
    """UCUM."""
    low: float | None = None
    high: float | None = None

    @property
    def is_well(self) -> bool:
        return (self.low is None or self.low <= self.value) and (self.high is None or self.value <= self.high)

    def __str__(self) -> str:
        low = "" if self.low is None else f"{self.low:g} ≤ "
        high = "" if self.high is None else f" ≤ {self.high:g}"
        return f"{self.name}: {low}{self.value:g}{high} {self.unit}{'' if self.is_well else '  <-- NOT'}"


class Measure:
    """Called with what was measured: it is written down first, and fails the test when it is not well."""

    def __init__(self, test: str, record: Callable[[str, object], None]) -> None:
        self._test = test
        self._record = record
        self.taken: list[Measurement] = []

    def __call__(self, name: str, value: float, unit: str, low: float | None = None, high: float | None = None) -> None:
        one = Measurement(name, value, unit, low, high)
        self.taken.append(one)
        self._record(name, str(one))
        if not one.is_well:
            raise AssertionError(str(one))

    def lines(self) -> list[dict[str, object]]:
        return [{"test": self._test, **asdict(one), "well": one.is_well} for one in self.taken]
