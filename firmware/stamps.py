"""Which time does a message get? Its stamp is frozen when it is kept, or, without a valid clock, when time arrives.

A clock that steps back yields the last stamp + 1 ms: no two messages share one.
"""


class Stamps:
    """``passport`` keeps, durably, when each boot began; ``pending`` are the boots with messages that have no stamp."""

    def __init__(self, passport) -> None:
        self._passport = passport
        self._last_at = 0
        self._last_mono = -1
        self.pending = {}  # boot: last ms since boot of its messages without a stamp

    @property
    def last(self) -> int:
        """The newest stamp that was ever given, in ms UTC."""
        return self._last_at

    def found(self, at: int) -> None:
        """A message on the flash has this stamp."""
        self._last_at = max(self._last_at, at)

    def found_pending(self, boot: int, mono: int) -> None:
        """A message on the flash was made ``mono`` ms after the start of ``boot``, without a clock."""
        self.pending[boot] = max(self.pending.get(boot, 0), mono)
        offset = self._passport.offsets.get(boot)
        if offset is not None:
            self.found(offset[0] + mono)

    def give(self, now: int | None, mono: int) -> tuple:
        """Return (stamp or None, ms since boot, boot) for a message made now."""
        mono = max(mono, self._last_mono + 1)
        if now is None:
            return None, mono, self._passport.boot
        self.set_clock(now, mono)
        return max(now, self._last_at + 1), mono, self._passport.boot

    def kept(self, time: tuple) -> None:
        """The message that got ``time`` from ``give`` is durable."""
        stamp, self._last_mono, boot = time
        if stamp is None:
            self.found_pending(boot, self._last_mono)
        else:
            self._last_at = stamp

    def set_clock(self, now: int, mono: int) -> None:
        """Time has arrived: every boot with messages that wait for it gets its beginning, for good."""
        offsets, boot_now = self._passport.offsets, self._passport.boot
        missing = sorted([boot for boot in self.pending if boot not in offsets])
        if not missing:
            return
        starts, start = {}, now - mono
        for boot in reversed(missing):
            if boot != boot_now:  # a boot that never got time is taken to have ended when the next one began
                start -= self.pending[boot] + 1
            starts[boot] = start
        for boot in missing:
            offsets[boot] = [max(starts[boot], self._last_at + 1), boot != boot_now]
            self._last_at = offsets[boot][0] + self.pending[boot]
        self._passport.save()
