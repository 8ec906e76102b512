"""When is a message without a receipt published again? Pure: the caller names the time, in any steady milliseconds.

At most ``SIZE`` messages wait for a receipt at a time. One is due again after ``FIRST_MS`` (twice the broker's own
redelivery time), then after twice as long each time, up to ``LONGEST_MS``. A new connection makes all due once. While
the collector says it is offline, nothing is repeated.
"""

SIZE = 64
URGENT_SHARE = 8  # of these, places that only urgent messages may take
FIRST_MS = 20000
LONGEST_MS = 3600000


class Due:
    """The timers of the messages that were published and have no receipt yet."""

    def __init__(self) -> None:
        self._timers = {}  # seq: [due, wait]
        self._paused_at = None

    def __len__(self) -> int:
        return len(self._timers)

    def room(self, urgent: bool) -> bool:
        """Whether a further message may be published."""
        return len(self._timers) < (SIZE if urgent else SIZE - URGENT_SHARE)

    def published(self, seq: int, now: int) -> None:
        """It has left, for the first time or again."""
        timer = self._timers.get(seq)
        wait = FIRST_MS if timer is None else min(timer[1] * 2, LONGEST_MS)
        self._timers[seq] = [now + wait, wait]

    def receipted(self, seq: int) -> None:
        self._timers.pop(seq, None)

    def connected(self, now: int) -> None:
        """A new connection: everything is due once, and the timers begin anew."""
        for timer in self._timers.values():
            timer[0], timer[1] = now, FIRST_MS // 2

    def collector(self, online: bool, now: int) -> None:
        """What the collector's retained state says; when it comes back, nothing waits longer than ``FIRST_MS``."""
        if not online:
            if self._paused_at is None:
                self._paused_at = now
        elif self._paused_at is not None:
            for timer in self._timers.values():
                timer[0], timer[1] = now + min(max(timer[0] - self._paused_at, 0), FIRST_MS), FIRST_MS // 2
            self._paused_at = None

    def next(self, now: int) -> int | None:
        """The lowest sequence number that is due, or None."""
        if self._paused_at is not None:
            return None
        due = [seq for seq, timer in self._timers.items() if timer[0] <= now]
        return min(due) if due else None
