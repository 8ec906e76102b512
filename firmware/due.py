"""When is a message without a receipt published again? Pure: the caller names the time, in any steady milliseconds.

At most ``SIZE`` messages wait for a receipt at a time. One is due again after ``FIRST_MS`` (twice the broker's own
redelivery time), then after twice as long each time, up to ``LONGEST_MS``. A new connection makes all due once. While
the collector says it is offline, nothing is repeated.
"""

SIZE = 64
URGENT_SHARE = 8  # of these, places that only urgent messages may take
FIRST_MS = 20000
LONGEST_MS = 3600000


_HALF_MS = FIRST_MS // 2
_BITS, _MASK = 4, 15


class Due:
    """The timers of the messages that were published and have no receipt yet."""

    def __init__(self) -> None:
        # seq: when it is due << 4 | how often its wait has doubled since FIRST_MS // 2; one number takes no heap
        self._timers = {}
        self._paused_at = None

    def __len__(self) -> int:
        return len(self._timers)

    def room(self, urgent: bool) -> bool:
        """Whether a further message may be published."""
        return len(self._timers) < (SIZE if urgent else SIZE - URGENT_SHARE)

    def published(self, seq: int, now: int) -> None:
        """It has left, for the first time or again."""
        doublings = min((self._timers.get(seq, 0) & _MASK) + 1, _MASK)
        self._timers[seq] = now + min(_HALF_MS << doublings, LONGEST_MS) << _BITS | doublings

    def receipted(self, seq: int) -> None:
        self._timers.pop(seq, None)
        if not self._timers:
            self._timers = {}  # a table never shrinks

    def connected(self, now: int) -> None:
        """A new connection: everything is due once, and the timers begin anew."""
        for seq in self._timers:
            self._timers[seq] = now << _BITS

    def collector(self, online: bool, now: int) -> None:
        """What the collector's retained state says; when it comes back, nothing waits longer than ``FIRST_MS``."""
        if not online:
            if self._paused_at is None:
                self._paused_at = now
        elif self._paused_at is not None:
            for seq, timer in self._timers.items():
                self._timers[seq] = now + min(max((timer >> _BITS) - self._paused_at, 0), FIRST_MS) << _BITS
            self._paused_at = None

    def next(self, now: int) -> int | None:
        """The lowest sequence number that is due, or None."""
        if self._paused_at is not None:
            return None
        found = None
        for seq, timer in self._timers.items():
            if timer >> _BITS <= now and (found is None or seq < found):
                found = seq
        return found
