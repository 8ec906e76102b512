"""What has arrived and is not committed yet? Bounded by count and bytes: when it is full, the socket is not read."""

import asyncio
from collections import deque
from typing import NamedTuple, Protocol

from collector.message import Message


class Sender(Protocol):
    """The connection a message came over: it alone can acknowledge it, and only while it lives."""

    def acknowledge(self, packet_ids: list[int]) -> None: ...

    def resume(self) -> None: ...


class Arrival(NamedTuple):
    message: Message
    packet_id: int
    """0 for QoS 0: nothing to acknowledge."""
    sender: Sender


class Inbox:
    """Messages in order of arrival. One task takes them out, in batches."""

    def __init__(self, most: int = 20_000, most_bytes: int = 32 << 20) -> None:
        self._waiting: deque[Arrival] = deque()
        self._size = 0
        self._since = 0.0  # when the first of those that wait came, or was left behind, on the loop's clock
        self._most = most
        self._most_bytes = most_bytes
        self._changed = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._paused: set[Sender] = set()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        return len(self._waiting) >= self._most or self._size >= self._most_bytes

    @property
    def size(self) -> int:
        """Bytes of the payloads that wait."""
        return self._size

    @property
    def oldest(self) -> int | None:
        """When the message that waits longest was received, ms UTC; None while none waits."""
        try:
            return self._waiting[0].message.received
        except IndexError:  # another thread asks, and one was just taken
            return None

    def put(self, arrival: Arrival) -> None:
        if not self._waiting:
            self._since = asyncio.get_running_loop().time()
        self._waiting.append(arrival)
        self._size += len(arrival.message.payload)
        self._changed.set()

    async def room(self) -> None:
        """Wait until it is no longer full."""
        await self._has_room.wait()

    def resume_later(self, sender: Sender) -> None:
        """It is full: call ``resume`` of who filled it once there is room again."""
        self._has_room.clear()
        self._paused.add(sender)

    async def take(self, linger: float, batch: int = 5_000, batch_bytes: int = 4 << 20) -> list[Arrival]:
        """Wait until the first message has waited ``linger`` (s) for company, unless a batch is full before."""
        await self._more_than(0, 0)
        try:
            async with asyncio.timeout_at(self._since + linger):  # what it waited during the last commit counts
                await self._more_than(batch - 1, batch_bytes - 1)
        except TimeoutError:
            pass  # the batch stays small: that is what lingering is for
        taken: list[Arrival] = []
        size = 0
        while self._waiting and len(taken) < batch and size < batch_bytes:
            arrival = self._waiting.popleft()
            taken.append(arrival)
            size += len(arrival.message.payload)
        self._size -= size
        self._since = asyncio.get_running_loop().time()
        if not self.is_full:
            self._has_room.set()
            for sender in self._paused:
                sender.resume()
            self._paused.clear()
        return taken

    async def _more_than(self, count: int, size: int) -> None:
        while len(self._waiting) <= count and (size == 0 or self._size <= size):
            self._changed.clear()
            await self._changed.wait()
