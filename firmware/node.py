"""What does a node on the mains do, in which order? Sample, keep, publish, wait for the receipt; and tell its state.

Sampling never waits for the network. What is published comes from the outbox and leaves it only by receipt.
"""

import asyncio

from firmware.online import stay_online
from firmware.progress import Progress

STATE_PERIOD_MS = 60000
WATCHDOG_MS = 120000


class Node:
    """The parts as ``firmware.main`` puts them together; ``desk`` may be None."""

    def __init__(self, hal, outbox, link, kind, sampler, publisher, status, lag, desk) -> None:
        self._hal = hal
        self._outbox = outbox
        self._link = link
        self._kind = kind
        self._sampler = sampler
        self._publisher = publisher
        self._status = status
        self._lag = lag
        self._desk = desk
        self._progress = Progress(hal.monotonic_ms())
        self._state_due = 0
        self._told = None
        link.will = status.will
        link.on_message = self._on_message
        link.on_connected = self._on_connected

    async def run(self) -> None:
        """Never returns; an error in any of the tasks ends the node, and the board starts again."""
        tasks = [
            self._sample(),
            stay_online(self._hal, self._outbox, self._link),
            self._drain(),
            self._guard(),
            self._lag.run(),
        ]
        if self._desk is not None:
            tasks.append(self._desk.run())
        await asyncio.gather(*tasks)

    # ---- sensor -> outbox

    async def _sample(self) -> None:
        next_ms = self._hal.monotonic_ms()
        while True:
            await self._sampler.once()
            now, period = self._hal.monotonic_ms(), self._kind.period_ms
            self._progress.sampled(now)
            next_ms = max(next_ms + period, now - period)  # after a long stall, catch up with one sample at most
            await self._hal.sleep_ms(max(next_ms - now, 1))

    # ---- outbox -> broker

    async def _drain(self) -> None:
        while True:
            moved = (self._outbox.next_seq, self._publisher.receipted, self._link.confirmed)
            self._progress.rounded(self._hal.monotonic_ms(), moved)
            if self._link.connected:
                if self._state_due <= self._link.elapsed_ms() or self._status.news() != self._told:
                    await self._tell_state()
                if await self._publisher.publish_one():
                    continue
            await asyncio.sleep_ms(50)

    def _on_connected(self) -> None:
        print("node: connected, " + str(self._outbox.depth()) + " messages wait")
        self._state_due = 0
        self._publisher.connected()

    def _on_message(self, topic: str, payload: bytes, retained: bool) -> None:
        if self._desk is not None and self._desk.take(topic, payload, retained):
            return
        if self._publisher.take(topic, payload):
            if hasattr(self._kind, "contact"):
                self._kind.contact()
            if self._desk is not None and self._publisher.receipted:
                self._desk.answered()

    async def _tell_state(self) -> None:
        news = self._status.news()
        if await self._link.publish(self._status.topic, self._status.message(news[0], STATE_PERIOD_MS), True):
            self._state_due = self._link.elapsed_ms() + STATE_PERIOD_MS
            self._told = news

    # ---- watchdog

    async def _guard(self) -> None:
        """Feed the watchdog while the node gets anywhere; say what does not, before it bites."""
        watchdog = self._hal.watchdog(WATCHDOG_MS)
        said = ""
        while True:
            stuck = self._progress.stuck(self._hal.monotonic_ms(), self._kind.period_ms)
            if not stuck:
                watchdog.feed()
            elif stuck != said:
                print("node: no progress: " + stuck)
            said = stuck
            await asyncio.sleep_ms(1000)
