"""What has arrived and is not committed yet? Bounded by count and bytes: when it is full, the socket is not read."""

import asyncio
from collections import deque
from operator import itemgetter
from typing import NamedTuple, Protocol

from collector.messages.message import Message


class Sender(Protocol):
    """The connection a message came over: it alone can acknowledge it, and only while it lives."""

    def acknowledge(self, packet_ids: list[int]) -> None: ...

    def resume(self) -> None: ...


class Arrival(NamedTuple):
    """What came in one piece: hundreds of messages when there are many, and then as cheap as one."""

    messages: list[Message]
    packet_ids: list[int]
    """What is to be acknowledged; a message at QoS 0 has none."""
    sender: Sender


class Inbox:
    """Messages in order of arrival. One task takes them out, in batches."""

    def __init__(self, most: int = 20_000, most_bytes: int = 32 << 20) -> None:
        self._waiting: deque[Arrival] = deque()
        self._count = 0  # messages
        self._size = 0
        self._since = 0.0  # when the first of those that wait came, or was left behind, on the loop's clock
        self._most = most
        self._most_bytes = most_bytes
        self._changed = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._paused: set[Sender] = set()

    def __len__(self) -> int:
        return self._count

    @property
    def is_full(self) -> bool:
        return self._count >= self._most or self._size >= self._most_bytes

    @property
    def size(self) -> int:
        """Bytes of the payloads that wait."""
        return self._size

    @property
    def oldest(self) -> int | None:
        """When the message that waits longest was received, ms UTC; None while none waits."""
        try:
            return self._waiting[0].messages[0].received
        except IndexError:  # another thread asks, and one was just taken
            return None

    def put(self, arrival: Arrival) -> None:
        if not self._waiting:
            self._since = asyncio.get_running_loop().time()
        self._waiting.append(arrival)
        self._count += len(arrival.messages)
        self._size += _size(arrival)
        self._changed.set()

    async def room(self) -> None:
        """Wait until it is no longer full."""
        await self._has_room.wait()

    def resume_later(self, sender: Sender) -> None:
        """It is full: call ``resume`` of who filled it once there is room again."""
        self._has_room.clear()
        self._paused.add(sender)

    async def take(self, linger: float, batch: int = 5_000, batch_bytes: int = 4 << 20) -> list[Arrival]:
        """Wait until the first message has waited ``linger`` (s) for company, unless a batch is full before.

        What came in one piece is not cut, so a batch may be larger by one piece.
        """
        await self._more_than(0, 0)
        try:
            async with asyncio.timeout_at(self._since + linger):  # what it waited during the last commit counts
                await self._more_than(batch - 1, batch_bytes - 1)
        except TimeoutError:
            pass  # the batch stays small: that is what lingering is for
        taken: list[Arrival] = []
        count = size = 0
        while self._waiting and count < batch and size < batch_bytes:
            arrival = self._waiting.popleft()
            taken.append(arrival)
            count += len(arrival.messages)
            size += _size(arrival)
        self._count -= count
        self._size -= size
        self._since = asyncio.get_running_loop().time()
        if not self.is_full:
            self._has_room.set()
            for sender in self._paused:
                sender.resume()
            self._paused.clear()
        return taken

    async def _more_than(self, count: int, size: int) -> None:
        while self._count <= count and (size == 0 or self._size <= size):
            self._changed.clear()
            await self._changed.wait()


def _size(arrival: Arrival) -> int:
    return sum(map(len, map(itemgetter(1), arrival.messages)))  # of the payloads
