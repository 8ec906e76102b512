"""What does an input remember that records edges? All of them, until a later one is asked for."""

from collections import deque
from collections.abc import Iterator
from typing import Any

_LARGEST_ANSWER = 100  # edges


class EdgeRecorder:
    """``edges`` are (us, level) in their order, drawn when their time has come."""

    def __init__(self, edges: Iterator[tuple[int, int]]) -> None:
        self._coming = edges
        self._next = next(edges, None)
        self._kept: deque[tuple[int, int]] = deque()
        self._first = 0  # number of the first edge kept

    def since(self, cursor: int, now_us: int, most: int = _LARGEST_ANSWER) -> dict[str, Any]:
        """The answer to a node: from which number on, how far the input has been watched, and the edges."""
        while self._next is not None and self._next[0] <= now_us:
            self._kept.append(self._next)
            self._next = next(self._coming, None)
        while self._kept and self._first < cursor:
            self._kept.popleft()
            self._first += 1
        given = list(self._kept)[: min(most, _LARGEST_ANSWER)]
        watched_us = now_us if len(given) == len(self._kept) else given[-1][0]
        return {"first": self._first, "now": watched_us, "edges": given}
