"""Is this node getting anywhere? The watchdog is fed for that and for nothing else.

It samples: the last sample ended not longer ago than a few periods. And what it samples goes somewhere: the publisher
goes round, and within ``QUIET_MS`` a message was confirmed by the broker or the outbox grew.
"""

SAMPLES = 5  # periods that a sample may be late
ROUND_MS = 60000
QUIET_MS = 3600000


class Progress:
    """Every time in ms since the start."""

    def __init__(self, now: int) -> None:
        self._sampled = self._rounded = self._moved = now
        self._seen = None

    def sampled(self, now: int) -> None:
        self._sampled = now

    def rounded(self, now: int, moved: tuple) -> None:
        """The publisher went round; ``moved`` are counters that change when something leaves or enters the outbox."""
        self._rounded = now
        if moved != self._seen:
            self._seen, self._moved = moved, now

    def stuck(self, now: int, period_ms: int) -> str:
        """What does not move, or nothing."""
        if now - self._sampled > ROUND_MS + SAMPLES * period_ms:
            return "sampling"
        if now - self._rounded > ROUND_MS:
            return "publishing"
        return "the outbox" if now - self._moved > QUIET_MS + SAMPLES * period_ms else ""
