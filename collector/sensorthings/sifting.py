"""How are many sifted without holding up everybody else? In pieces, counted, and no more than a bound."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from itertools import islice
from typing import Any, TypeVar

from collector.refusals import AskedWrongError
from collector.sensorthings.expression import Expression, Property, cost_of, satisfies

One = TypeVar("One")
PIECE = 2_000  # parts of expressions looked at between two turns of the event loop: a few milliseconds
MOST_WORK = 50_000_000  # parts of expressions looked at for one request


class Sieve:
    """Of one request: it counts the work of all its filters together."""

    def __init__(self, most: int = MOST_WORK) -> None:
        self._most = most
        self._done = 0
        self._since_turn = 0

    async def spend(self, work: int) -> None:
        """Let the others have their turn when it is time; raise AskedWrongError beyond the bound."""
        self._done += work
        self._since_turn += work
        if self._done > self._most:
            raise AskedWrongError(
                f"$filter: more than {self._most} steps of work; narrow it by Datastream and phenomenonTime"
            )
        if self._since_turn >= PIECE:
            self._since_turn = 0
            await asyncio.sleep(0)

    async def sift(
        self, several: Iterable[One], parts: Sequence[Expression], value_of: Callable[[One, Property], Any]
    ) -> AsyncGenerator[One, None]:
        """Those that satisfy all parts."""
        cost = sum(cost_of(part) for part in parts)
        rest = iter(several)
        while piece := list(islice(rest, max(1, PIECE // cost if cost else PIECE))):
            await self.spend(cost * len(piece))
            for one in piece:
                if all(satisfies(part, lambda asked, one=one: value_of(one, asked)) for part in parts):  # type: ignore[misc]  # the default binds this turn's one
                    yield one
