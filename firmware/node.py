"""What does a node do, in which order? Sample, keep, publish, wait for the receipt; and tell its state.

Sampling never waits for the network. What is published comes from the outbox and leaves it only by receipt.
"""

import asyncio

from firmware import VERSION, contract
from firmware.due import Due

STATE_PERIOD_MS = 60000
WATCHDOG_MS = 60000


class Node:
    """``settings`` as settings.load returns them; ``kind`` as firmware.nodes describes it."""

    def __init__(self, settings: dict, hal, outbox, link, kind) -> None:
        self._settings = settings
        self._hal = hal
        self._outbox = outbox
        self._link = link
        self._kind = kind
        self._due = Due()
        self._state_due = 0
        self._sampled = self._drained = False  # progress since the watchdog was fed
        self._refused = 0  # readings that break the contract
        self._dropped_told = None
        self._receipt_topic = self._topic("receipt")
        self._collector_topic = contract.topic(settings["city"], "collector", "state")
        link.will = self._will
        link.on_message = self._on_message
        link.on_connected = self._on_connected

    async def run(self) -> None:
        """Never returns; an error in any of the tasks ends the node, and the board starts again."""
        await asyncio.gather(self._sample(), self._connect(), self._drain(), self._guard())

    def _topic(self, channel: str) -> str:
        return contract.topic(self._settings["city"], self._settings["publisher"], channel)

    # ---- sensor -> outbox

    async def _sample(self) -> None:
        period = self._settings["period_ms"]
        next_ms = self._hal.monotonic_ms()
        while True:
            sample = await self._kind.sample()
            if sample is not None:
                self._keep(sample)
            self._sampled = True
            now = self._hal.monotonic_ms()
            next_ms = max(next_ms + period, now - period)  # after a long stall, catch up with one sample at most
            await asyncio.sleep_ms(max(next_ms - now, 1))

    def _keep(self, sample) -> None:
        reading = {"thing": self._settings["thing"], "values": sample.values}
        now, mono = self._hal.now_ms(), self._hal.monotonic_ms()
        try:
            seq = self._outbox.append(reading, now, mono, sample.urgent, sample.note)
        except contract.ContractError as error:
            self._refused += 1
            print("node: " + str(error))
            return
        if seq and sample.note is not None:
            self._kind.keep(sample.note)

    # ---- outbox -> broker

    async def _connect(self) -> None:
        await self._hal.start()
        while self._hal.now_ms() is None:  # TLS checks the dates of certificates
            await asyncio.sleep_ms(200)
        self._outbox.set_clock(self._hal.now_ms(), self._hal.monotonic_ms())
        await self._link.run()

    async def _drain(self) -> None:
        while True:
            self._drained = True
            if self._link.connected:
                now = self._hal.monotonic_ms()
                if self._state_due <= now or self._outbox.dropped != self._dropped_told:
                    await self._tell_state(now)
                if await self._publish_one(now):
                    continue
            await asyncio.sleep_ms(50)

    async def _publish_one(self, now: int) -> bool:
        """One message: urgent ones first, then what is due again, then the rest. False when there is nothing."""
        found = self._outbox.take(True) if self._due.room(True) else None
        if found is None:
            seq = self._due.next(now)
            if seq is not None:
                payload = self._outbox.read(seq)
                if payload is None:  # the flash lost it; the outbox counts it as dropped
                    self._due.receipted(seq)
                    return True
                found = seq, payload
            elif self._due.room(False):
                found = self._outbox.take(False)
        if found is None:
            return False
        self._due.published(found[0], now)
        await self._link.publish(self._topic("reading"), found[1])
        return True

    def _on_connected(self) -> None:
        print("node: connected, " + str(self._outbox.depth()) + " messages wait")
        self._state_due = 0
        self._due.connected(self._hal.monotonic_ms())

    def _on_message(self, topic: str, payload: bytes) -> None:
        try:
            if topic == self._receipt_topic:
                receipt = contract.decode_receipt(payload)
                if receipt["outbox"] == self._outbox.id:
                    for seq in self._outbox.receipt(receipt["received"]):
                        self._due.receipted(seq)
            elif topic == self._collector_topic:
                self._due.collector(contract.decode_state(payload)["online"], self._hal.monotonic_ms())
        except contract.ContractError as error:
            print("node: " + topic + ": " + str(error))

    # ---- state

    async def _tell_state(self, now: int) -> None:
        dropped = [list(pair) for pair in self._outbox.dropped]
        if await self._link.publish(self._topic("state"), contract.encode_state(self._state(dropped)), True):
            self._state_due = now + STATE_PERIOD_MS
            self._dropped_told = dropped

    def _state(self, dropped: list) -> dict:
        at = self._hal.now_ms()
        state = {
            "at": at,
            "online": True,
            "next": at + STATE_PERIOD_MS,
            "firmware": VERSION,
            "boot": self._outbox.boot,
            "reset": self._hal.reset_cause(),
            "clock": self._hal.clock_source(),
            "outbox": self._outbox.id,
            "next_seq": self._outbox.next_seq,
            "oldest_seq": self._outbox.oldest_seq(),
            "outbox_depth": self._outbox.depth(),
            "dropped": dropped,
            "heap_free": self._hal.heap_free(),
            "connections": self._link.connections,
        }
        for name, count in self._kind.faults.items():
            state["fault_" + name] = count
        if self._refused:
            state["readings_refused"] = self._refused
        if self._outbox.lost_bytes:
            state["outbox_lost_bytes"] = self._outbox.lost_bytes
        if self._link.error:
            state["error"] = self._link.error[:64]
        return state

    def _will(self) -> tuple:
        state = {"at": self._hal.now_ms(), "online": False, "outbox": self._outbox.id, "boot": self._outbox.boot}
        return self._topic("state"), contract.encode_state(state)

    # ---- watchdog

    async def _guard(self) -> None:
        """Feed the watchdog for progress only: a sample was asked for and the publisher went round."""
        watchdog = self._hal.watchdog(WATCHDOG_MS + self._settings["period_ms"])
        while True:
            if self._sampled and self._drained:
                watchdog.feed()
                self._sampled = self._drained = False
            await asyncio.sleep_ms(1000)
