"""How does what was just stored reach those who look on? From one ring that all read at their own pace; it is bounded.

Whoever is too slow, or was away for too long, has lost what has left the ring, and is told how much that was.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain

from collector.observation import Observation

MOST = 50_000  # observations in the ring
FRESH = 32  # news that keep what was written of them for those who look on: after that all but the slow have it


@dataclass(frozen=True, slots=True)
class News:
    """What was stored in one go."""

    number: int
    """From 1 on, without gaps."""
    before: int
    """Observations published before these."""
    observations: Sequence[Observation]
    written: dict[Hashable, bytes] = field(default_factory=dict)
    """For several who see the same: written once."""


class Subscription:
    """Where one reader is in the ring."""

    def __init__(self, feed: "Feed", after: int, seen: int) -> None:
        self._feed = feed
        self._seen = seen
        self.number = after
        """Of the last news that was taken."""
        self.dropped = 0
        """Observations that left the ring before they were taken."""

    async def news(self) -> Sequence[News]:
        """Wait until there is something after what was taken, and take it all."""
        while not (found := self._feed.since(self.number)):
            await self._feed.wait()
        self.dropped += found[0].before - self._seen
        self.number, self._seen = found[-1].number, found[-1].before + len(found[-1].observations)
        return found

    async def __aiter__(self) -> AsyncIterator[list[Observation]]:
        """Each turn gives all that was stored since the one before."""
        while True:
            yield list(chain.from_iterable(one.observations for one in await self.news()))


class Feed:
    """Newly stored observations, to every subscriber. Lives on the event loop."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._ring: deque[News] = deque()
        self._published = 0
        self._number = 0
        self._come = asyncio.Event()
        self.subscribers = 0
        self.start = secrets.token_hex(4)
        """Of this feed alone: numbers begin anew with the process."""

    def publish(self, observations: Sequence[Observation]) -> None:
        if not observations:
            return
        self._number += 1
        self._ring.append(News(self._number, self._published, observations))
        self._published += len(observations)
        while len(self._ring) > 1 and self._published - self._ring[0].before > self._most:
            self._ring.popleft()
        if len(self._ring) > FRESH:
            self._ring[-FRESH - 1].written.clear()
        self._come.set()
        self._come = asyncio.Event()

    def forget(self) -> None:
        """Something that is still here was erased: whoever has not seen it yet is told that news were dropped."""
        self._ring.clear()

    async def wait(self) -> None:
        """Until the next ``publish``."""
        await self._come.wait()

    def since(self, number: int) -> list[News]:
        """What is still here of the news after that one."""
        if not self._ring:
            return []
        skipped = max(0, number + 1 - self._ring[0].number)
        return [self._ring[place] for place in range(skipped, len(self._ring))]

    @contextmanager
    def subscribe(self, after: int | None = None) -> Iterator[Subscription]:
        """``with feed.subscribe() as stored: async for observations in stored: …``.

        ``after`` is the number of the news that one has already: see ``reaches``. Without it, what comes from now on.
        """
        number, seen = self._number, self._published
        if after is not None and (found := self.since(after)):
            number, seen = after, found[0].before
        subscription = Subscription(self, number, seen)
        self.subscribers += 1
        try:
            yield subscription
        finally:
            self.subscribers -= 1

    def reaches(self, after: int) -> bool:
        """Whether nothing that came after that number is lost."""
        first = self._ring[0].number if self._ring else self._number + 1
        return first - 1 <= after <= self._number
