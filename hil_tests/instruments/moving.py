"""How does a value in a simulated meter move with time? In whole steps of its register, by a rule of its own."""

import math
from dataclasses import dataclass

from firmware.wire_json import decimal_text

_SWAY_PERIOD = 37.0  # s


@dataclass(frozen=True, slots=True)
class Moving:
    """``start`` + ``rate`` * seconds, swaying by up to ``sway``; steps of the register's last digit."""

    start: int
    rate: float = 0.0  # steps per second
    sway: int = 0

    def at(self, seconds: float) -> int:
        """The register's content so many seconds after the meter began."""
        swayed = round(self.sway * math.sin(2 * math.pi * seconds / _SWAY_PERIOD)) if self.sway else 0
        return self.start + math.floor(self.rate * seconds) + swayed


def truth_number(integer: int, exponent: int) -> float:
    """Integer * 10**exponent as the JSON number that a reader of the decimal digits gets (at most 15 of them)."""
    return float(decimal_text(integer, exponent))
