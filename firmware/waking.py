"""What does a node on a battery do when it wakes? Sample, keep, and go back to sleep; now and then, tell the city.

It connects when a reading is urgent, when its report is due, and after a start that was no wake. Then it waits a stated
time for its receipts. What has none goes with a later wake: while nobody answers, only the newest message is published
as a question, so an outage of many hours costs no message more than a few transmissions.
"""

import asyncio
import binascii
import json

from firmware.energy import AWAKE, RADIO, Ledger
from firmware.online import stay_online

CONNECT_MS = 15000
AGAIN_MS = 100  # a shorter pause is not worth falling asleep for
BUSY_MS = 300000  # the longest that an order keeps a node awake
HEAR_MS = 1000  # how long the collector's retained state may take


class Waking:
    """``battery`` is {"report_ms", "receipt_ms"}; the other parts as ``firmware.main`` puts them together."""

    def __init__(
        self, battery: dict, hal, outbox, link, kind, sampler, publisher, status, ledger, memory, desk
    ) -> None:
        self._report_ms, self._receipt_ms = battery["report_ms"], battery["receipt_ms"]
        self._hal = hal
        self._outbox = outbox
        self._link = link
        self._kind = kind
        self._sampler = sampler
        self._publisher = publisher
        self._status = status
        self._ledger = ledger
        self._memory = memory
        self._desk = desk
        link.will = None  # a node that sleeps has not died
        link.on_message = self._on_message
        link.on_connected = publisher.connected

    async def run(self) -> None:
        """Ends in deep sleep."""
        watchdog = self._hal.watchdog(CONNECT_MS + HEAR_MS + 2 * self._receipt_ms + BUSY_MS + 60000)
        watchdog.feed()
        begun = self._hal.monotonic_ms()
        is_urgent = await self._sampler.once()
        while self._kind.period_ms < AGAIN_MS:  # the kind has more to ask at once
            is_urgent = await self._sampler.once() or is_urgent
        has_started = self._hal.reset_cause() != "deep_sleep" or (self._desk is not None and self._desk.is_on_trial())
        if is_urgent or has_started or self._memory.is_report_due(self._kind.period_ms):
            await self._report()
        if self._desk is not None:
            self._desk.sleeps()
        now = self._hal.monotonic_ms()
        pause = max(self._kind.period_ms - (now - begun), 1)
        self._ledger.off(AWAKE, now)
        self._memory.keep(self._ledger, self._outbox, self._kind, now, pause)
        print("waking: asleep for " + str(pause) + " ms after " + str(now - begun))
        self._hal.deep_sleep(pause)

    async def _report(self) -> None:
        self._ledger.on(RADIO, self._hal.monotonic_ms())
        tasks = [asyncio.create_task(stay_online(self._hal, self._outbox, self._link))]
        if self._desk is not None:
            tasks.append(asyncio.create_task(self._desk.run()))
        try:
            await asyncio.wait_for_ms(self._connected(), CONNECT_MS)
            await self._publish()
        except asyncio.TimeoutError:  # the battery pays for each try, so the next one waits
            print("waking: no connection: " + self._link.error)
        finally:
            for task in tasks:
                task.cancel()
            self._memory.report_in_ms = self._next_report_ms()
            self._ledger.off(RADIO, self._hal.monotonic_ms())

    def _next_report_ms(self) -> int:
        """An alarm that did not get through is tried again soon, then after twice as long each time."""
        if not self._outbox.has_urgent():
            self._memory.tries = 0
            return self._report_ms
        self._memory.tries += 1
        return min(self._kind.period_ms << min(self._memory.tries - 1, 20), self._report_ms)

    async def _connected(self) -> None:
        while not self._link.connected:
            await asyncio.sleep_ms(20)

    async def _publish(self) -> None:
        begun = self._link.elapsed_ms()
        while self._publisher.collector_online is None and self._link.elapsed_ms() - begun < HEAR_MS:
            await asyncio.sleep_ms(20)
        if self._publisher.collector_online is not False:
            is_answered = await self._drain()
            self._memory.unanswered = 0 if is_answered else self._memory.unanswered + 1
        begun = self._link.elapsed_ms()
        while self._desk is not None and self._desk.is_busy() and self._link.elapsed_ms() - begun < BUSY_MS:
            await asyncio.sleep_ms(50)
        dropped = [list(pair) for pair in self._outbox.dropped]
        expected = self._report_ms + self._kind.period_ms  # the report goes with the first wake after it is due
        await self._link.publish(self._status.topic, self._status.message(dropped, expected), True)
        await self._link.leave(self._receipt_ms)

    async def _drain(self) -> bool:
        """Publish what waits; whether everything that was published has its receipt."""
        if self._memory.unanswered:
            await self._publisher.publish_newest()
            if not await self._answered():
                return False
        while self._link.connected:
            if await self._publisher.publish_one():
                continue
            if not self._publisher.waiting():
                return True
            if not await self._answered():
                return False
        return False

    async def _answered(self) -> bool:
        """Whether a receipt came within the window, or nothing waits for one."""
        waiting, begun = self._publisher.waiting(), self._link.elapsed_ms()
        while self._publisher.waiting() and self._publisher.waiting() >= waiting:
            if not self._link.connected or self._link.elapsed_ms() - begun > self._receipt_ms:
                return False
            await asyncio.sleep_ms(10)
        return True

    def _on_message(self, topic: str, payload: bytes, retained: bool) -> None:
        if self._desk is not None and self._desk.take(topic, payload, retained):
            return
        if self._publisher.take(topic, payload) and self._desk is not None and self._publisher.receipted:
            self._desk.answered()


class Memory:
    """What one wake leaves to the next, in the memory of the real-time clock; all of it gone after a loss of power."""

    def __init__(self, hal) -> None:
        self._hal = hal
        try:
            kept = json.loads(str(hal.memory_read(), "utf-8"))
            self.report_in_ms, self.unanswered, self.tries = kept["report_in_ms"], kept["unanswered"], kept["tries"]
            self.energy, self.done = kept["energy"], tuple(kept["done"])
            self.kind = binascii.unhexlify(kept["kind"])
        except (ValueError, KeyError, TypeError):
            self.report_in_ms = self.unanswered = self.tries = 0
            self.energy, self.done, self.kind = None, ("", 0), b""

    def is_report_due(self, period_ms: int) -> bool:
        """At this wake, or at the next?"""
        return self.report_in_ms <= period_ms // 2

    def keep(self, ledger: Ledger, outbox, kind, now: int, pause: int) -> None:
        """``now`` is how long this wake was, in ms; ``pause`` how long the sleep will be."""
        kept = {
            "report_in_ms": self.report_in_ms - now - pause,
            "unanswered": self.unanswered,
            "tries": self.tries,
            "energy": ledger.totals(now),
            "done": [outbox.id, outbox.oldest_seq()],
            "kind": str(binascii.hexlify(kind.remember() if hasattr(kind, "remember") else b""), "ascii"),
        }
        self._hal.memory_write(json.dumps(kept).encode())
