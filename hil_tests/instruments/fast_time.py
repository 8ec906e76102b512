"""What time is it on the bench? The host's, or one that runs faster, which sensors and nodes share."""

import time
from typing import NamedTuple


class Clock(NamedTuple):
    """At ``real_ms`` of the host it was ``simulated_ms`` (both ms UTC); since then it runs ``speed`` times as fast."""

    speed: int = 1
    real_ms: int = 0
    simulated_ms: int = 0

    def now_ms(self) -> int:
        """Milliseconds UTC."""
        return self.simulated_ms + (time.time_ns() - self.real_ms * 1_000_000) * self.speed // 1_000_000

    def seconds_since(self, begun_ms: int) -> float:
        return (self.now_ms() - begun_ms) / 1000


REAL = Clock()


def starting_at(simulated_ms: int, speed: int) -> Clock:
    """A clock that shows ``simulated_ms`` now."""
    return Clock(speed, time.time_ns() // 1_000_000, simulated_ms)
