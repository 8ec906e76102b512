"""How does a reading get from the outbox to the city? Published, repeated, and forgotten when a receipt names it."""

from firmware import contract
from firmware.due import Due


class Publisher:
    """Publishes over ``link`` what ``outbox`` holds: urgent ones first, then what is due again, then the rest."""

    def __init__(self, city: str, name: str, outbox, link) -> None:
        self.collector_online = None  # what the collector's retained state says; None: nothing heard yet
        self.receipted = 0  # messages that a receipt has named since the start
        self._outbox = outbox
        self._link = link
        self._due = Due()
        self._city, self._name = city, name
        self.receipt_topic = contract.topic(city, name, "receipt")
        self.collector_topic = contract.topic(city, "collector", "state")

    def is_collector_offline(self) -> bool:
        """Whether it says so; silence is no answer."""
        return self.collector_online is False

    def waiting(self) -> int:
        """How many messages were published and have no receipt yet."""
        return len(self._due)

    def connected(self) -> None:
        """A new connection: everything without a receipt is due once."""
        self._due.connected(self._link.elapsed_ms())

    async def publish_one(self) -> bool:
        """One message; False when there is nothing to publish now."""
        found = self._next()
        if found is None:
            return False
        await self._publish(found)
        return True

    async def publish_newest(self) -> bool:
        """Only the newest message: is there anybody who answers?"""
        found = self._outbox.take_newest()
        if found is not None:
            await self._publish(found)
        return found is not None

    def _next(self) -> tuple | None:
        found = self._outbox.take(True) if self._due.room(True) else None
        if found is not None:
            return found
        seq = self._due.next(self._link.elapsed_ms())
        while seq is not None:
            found = self._outbox.read(seq)
            if found is not None:
                return found
            self._due.receipted(seq)  # the flash lost it; the outbox counts it as dropped
            seq = self._due.next(self._link.elapsed_ms())
        return self._outbox.take(False) if self._due.room(False) else None

    async def _publish(self, found: tuple) -> None:
        seq, channel, payload = found
        self._due.published(seq, self._link.elapsed_ms())
        await self._link.publish(contract.topic(self._city, self._name, channel), payload)

    def take(self, topic: str, payload: bytes) -> bool:
        """A receipt, or the collector's state; whether it was sound."""
        try:
            if topic == self.receipt_topic:
                self._on_receipt(contract.decode_receipt(payload))
            elif topic == self.collector_topic:
                self.collector_online = contract.decode_state(payload)["online"]
                self._due.collector(self.collector_online, self._link.elapsed_ms())
        except contract.ContractError as error:
            print("publisher: " + topic + ": " + str(error))
            return False
        return True

    def _on_receipt(self, receipt: dict) -> None:
        if receipt["outbox"] == self._outbox.id:
            for seq in self._outbox.receipt(receipt["received"]):
                self._due.receipted(seq)
                self.receipted += 1
