"""Which messages are to be published now? The rules of repeating, without a clock and without a network.

At most 64 messages are without receipt at a time; the first repetition comes after 20 s (twice the broker's
redelivery time), then twice as late each time up to an hour; nothing is sent while the collector says it is offline;
a new connection makes what is without receipt due once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WINDOW = 64
RESERVED = 8  # places of the window that only urgent messages take
FIRST_REPETITION = 20.0  # s
LONGEST_WAIT = 3600.0  # s


@dataclass(slots=True)
class _Waiting:
    due: float
    wait: float


class Due:
    """Times are seconds of any clock that never steps back; the caller brings them."""

    def __init__(self) -> None:
        self._waiting: dict[int, _Waiting] = {}
        self._is_collector_online = True  # until its retained state says otherwise

    def connected(self, now: float) -> None:
        """A new connection: whatever waits for a receipt is due once, and its timer goes on from there."""
        for waiting in self._waiting.values():
            waiting.due, waiting.wait = now, FIRST_REPETITION / 2

    def collector_online(self, is_online: bool) -> None:
        """What the collector's retained state says."""
        self._is_collector_online = is_online

    def room(self, *, urgent: bool) -> int:
        """How many more messages of this lane may be without receipt."""
        if not self._is_collector_online:
            return 0
        return max(0, WINDOW - (0 if urgent else RESERVED) - len(self._waiting))

    def is_waiting(self, seq: int) -> bool:
        """Whether it has been published and has no receipt."""
        return seq in self._waiting

    def repetitions(self, now: float) -> list[int]:
        """What has waited long enough, oldest first."""
        if not self._is_collector_online:
            return []
        return sorted(seq for seq, waiting in self._waiting.items() if waiting.due <= now)

    def published(self, seq: int, now: float) -> None:
        """It was handed to the broker at this moment."""
        waiting = self._waiting.get(seq)
        wait = FIRST_REPETITION if waiting is None else min(2 * waiting.wait, LONGEST_WAIT)
        self._waiting[seq] = _Waiting(now + wait, wait)

    def forget(self, seq: int) -> None:
        """It is no longer in the outbox."""
        self._waiting.pop(seq, None)

    def received(self, ranges: Iterable[Sequence[int]]) -> None:
        """A receipt names these, both ends included."""
        for first, last in ranges:
            for seq in [seq for seq in self._waiting if first <= seq <= last]:
                del self._waiting[seq]
