"""What does a node on the mains do, in which order? Sample, keep, publish, wait for the receipt; and tell its state.

Sampling never waits for the network. What is published comes from the outbox and leaves it only by receipt.
"""

import asyncio

from firmware.online import stay_online
from firmware.progress import Progress

STATE_PERIOD_MS = 60000
RARE_STATE_PERIOD_MS = 3600000  # while the collector is away: the broker keeps every one of them for it
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
        self._told_ms = self._promised_ms = 0  # when the state was told, and for how long it holds
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
                lasting = self._link.elapsed_ms() - self._told_ms
                if lasting >= min(self._promised_ms, self._state_period_ms()) or self._status.news() != self._told:
                    await self._tell_state()
                if await self._publisher.publish_one():
                    continue
            await asyncio.sleep_ms(50)

    def _on_connected(self) -> None:
        print("node: connected, " + str(self._outbox.depth()) + " messages wait")
        self._promised_ms = 0
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
        news, period = self._status.news(), self._state_period_ms()
        if await self._link.publish(self._status.topic, self._status.message(news[0], period), True):
            self._told_ms, self._promised_ms = self._link.elapsed_ms(), period
            self._told = news

    def _state_period_ms(self) -> int:
        return RARE_STATE_PERIOD_MS if self._publisher.is_collector_offline() else STATE_PERIOD_MS

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
