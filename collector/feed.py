"""How does what was just stored reach those who look on? Bounded per subscriber, coalesced, with a drop counter."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager

from collector.observation import Observation


class Subscription:
    """Iterate over it: each turn gives all that was stored since the last one, the oldest dropped when too many."""

    def __init__(self, limit: int) -> None:
        self._waiting: deque[Observation] = deque(maxlen=limit)
        self._filled = asyncio.Event()
        self.dropped = 0  # observations this subscriber was too slow for

    def put(self, observations: Sequence[Observation]) -> None:
        room = (self._waiting.maxlen or 0) - len(self._waiting)
        self.dropped += max(0, len(observations) - room)
        self._waiting.extend(observations)
        self._filled.set()

    async def __aiter__(self) -> AsyncIterator[list[Observation]]:
        while True:
            await self._filled.wait()
            self._filled.clear()
            observations = list(self._waiting)
            self._waiting.clear()
            yield observations


class Feed:
    """Newly stored observations, to every subscriber. Lives on the event loop."""

    def __init__(self) -> None:
        self._subscriptions: set[Subscription] = set()

    @property
    def subscribers(self) -> int:
        return len(self._subscriptions)

    def publish(self, observations: Sequence[Observation]) -> None:
        for subscription in self._subscriptions:
            subscription.put(observations)

    @contextmanager
    def subscribe(self, limit: int = 10_000) -> Iterator[Subscription]:
        """``with feed.subscribe() as stored: async for observations in stored: …``"""
        subscription = Subscription(limit)
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)
