"""Which edges does the reed contact of a water meter give? Water flows in pulses, and the contact bounces."""

import random
from collections import deque
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple

STABLE_US = 20_000
_CLOSED_US = 60_000
_LEAST_GAP_US = 200_000  # from one closing to the next: both levels settle between the bounces
BY_HAND_S = 0.25  # s from one pulse to the next of a meter that is turned by hand
_LARGEST_ANSWER = 100  # edges
_FOR_EVER_S = 1e9


Flow = float | Sequence[tuple[float, float]]


class Edge(NamedTuple):
    us: int
    level: int
    settles: bool  # the last edge of a closing: from here the contact stays closed


class WaterMeter:
    """Every edge is kept until a later one is asked for.

    ``flow`` in m3/h is an average, drawn anew for each pulse. As (second, m3/h from then on) it is exact instead: each
    pulse comes in the middle of its volume.
    """

    def __init__(self, seed: int, litres_per_pulse: str, flow: Flow) -> None:
        self._random = random.Random(seed)
        self._litres = Decimal(litres_per_pulse)
        self._times = self._drawn(flow) if isinstance(flow, float) else _exact(flow, float(self._litres))
        self._next_us = next(self._times, None)
        self._turns = 0  # by hand, as far as they are among the edges
        self._edges: deque[Edge] = deque()
        self._first = 0  # number of the first edge kept
        self._settled = 0  # pulses among the forgotten edges

    def _drawn(self, flow: float) -> Iterator[int]:
        us = 0
        while True:
            gap = self._random.uniform(0.5, 1.5) * float(self._litres) / flow * 3.6e6
            us += int(max(gap, _LEAST_GAP_US))
            yield us

    def _generate(self, now_us: int) -> None:
        while self._next_us is not None and self._next_us <= now_us:
            closed = self._bounce(self._next_us, 0)
            self._bounce(closed + _CLOSED_US, 1)
            self._next_us = next(self._times, None)

    def turn(self, turns: Sequence[tuple[int, int]]) -> None:
        """By hand, as well as by itself: (us, pulses from then on), each behind the last; only new ones are done.

        Raises ValueError for a meter through which water flows: its pulses would lie in between.
        """
        if turns and self._next_us is not None:
            raise ValueError("a meter through which water flows is not turned by hand")
        for begin, count in turns[self._turns :]:
            self._edges_by_hand(begin, count)
        self._turns = len(turns)

    def _edges_by_hand(self, begin: int, count: int) -> None:
        for number in range(count):
            closed = self._bounce(begin + int(number * BY_HAND_S * 1e6), 0)
            self._bounce(closed + _CLOSED_US, 1)

    def _bounce(self, at: int, level: int) -> int:
        """An odd number of edges that ends at ``level``; returns when it is quiet."""
        for number in range(bounces := self._random.choice((1, 3, 5))):
            last = number + 1 == bounces
            self._edges.append(Edge(at, level if number % 2 == 0 else 1 - level, settles=last and level == 0))
            if not last:
                at += self._random.randint(100, 8_000)
        return at

    def since(self, cursor: int, now_us: int) -> tuple[dict[str, Any], dict[str, object]]:
        """The answer to a node, and the value it gives: the volume of all pulses that are settled in it."""
        self._generate(now_us)
        while self._edges and self._first < cursor:
            self._settled += self._edges.popleft().settles
            self._first += 1
        happened = [edge for edge in self._edges if edge.us <= now_us]
        given = happened[:_LARGEST_ANSWER]
        watched_us = now_us if len(given) == len(happened) else given[-1].us
        pulses = self._settled + sum(edge.settles and edge.us + STABLE_US <= watched_us for edge in given)
        answer = {"first": self._first, "now": watched_us, "edges": [(edge.us, edge.level) for edge in given]}
        return answer, {"water_volume": float(pulses * self._litres / 1000)}


def _exact(flow: Sequence[tuple[float, float]], litres: float) -> Iterator[int]:
    """The us at which half a pulse's volume, and then each further one, has gone through."""
    due, gone = litres / 2, 0.0
    for (begin, cubic_metres), (end, _) in pairwise([*sorted(flow), (_FOR_EVER_S, 0.0)]):
        per_second = cubic_metres / 3.6
        until = gone + per_second * (end - begin)
        while due < until:
            yield round((begin + (due - gone) / per_second) * 1e6)
            due += litres
        gone = until
