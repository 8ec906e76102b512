"""How often may one ask? A bucket of tokens per asker: so many at once, and so many per second after that."""

from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

MOST = 10_000  # askers remembered; the one not seen for longest goes, and has a full bucket when it comes again


class Rate(NamedTuple):
    per_second: float
    at_once: int


class Rates:
    """``clock`` in seconds, steady."""

    def __init__(self, rate: Rate, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # (what is left, when)

    def take(self, who: str) -> float:
        """0 when this request may go on, else the seconds until one may."""
        now = self._clock()
        left, before = self._buckets.pop(who, (float(self._rate.at_once), now))
        left = min(self._rate.at_once, left + (now - before) * self._rate.per_second)
        wait = 0.0 if left >= 1 else (1 - left) / self._rate.per_second
        self._buckets[who] = (left - 1 if wait == 0 else left, now)
        if len(self._buckets) > MOST:
            self._buckets.popitem(last=False)
        return wait
