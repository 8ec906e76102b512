"""Which device of a line is asked next, and when? No clock and no I/O: the caller brings both times.

Periods are aligned to the clock: a meter read each hour is read at the hour, plus an offset of its own within its
jitter, the same each time, so that lines and gateways do not all ask at once. ``now`` counts on a clock that never
steps; the wall clock serves for nothing but the alignment of the next reading, so a step costs at most one period.

A device that failed is *suspect*: it waits ever longer between probes, and goes behind all who answer, so it costs
the others one timeout now and then. One answer makes it a device like any other.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

FIRST_BACKOFF, LONGEST_BACKOFF = 5.0, 900.0  # s
_PATIENCE = 3.0  # periods after which a suspect device goes first nevertheless
_DAY = 86400


class Device(Protocol):
    """What is to be known of a device; ``period`` and ``jitter`` in seconds."""

    @property
    def thing(self) -> str: ...
    @property
    def period(self) -> int: ...
    @property
    def jitter(self) -> int: ...
    @property
    def readouts_per_day(self) -> int | None: ...


@dataclass(slots=True)
class _Entry:
    device: Device
    due: float  # when to ask
    slot: float  # the regular moment that the next reading is for
    failures: int = 0
    is_proven: bool = False  # has answered, and not failed since
    asked: float = 0.0  # when it was asked last
    cost: float = 0.0  # s that its last failure took
    day: int = 0
    readouts: int = 0


class Schedule:
    """The devices of one line; ``now`` is steady seconds, ``wall`` seconds since 1970."""

    def __init__(self, devices: Iterable[Device], now: float, readouts: dict[str, int] | None = None) -> None:
        self._entries: dict[str, _Entry] = {}
        self._early = dict(readouts or {})  # by thing: readouts of today before this start
        self.replace(devices, now)

    def replace(self, devices: Iterable[Device], now: float) -> tuple[list[str], list[str]]:
        """These are the devices now; what is the same stays in its rhythm. What came or changed, and what went."""
        wanted = {device.thing: device for device in devices}
        gone = [thing for thing in self._entries if thing not in wanted]
        for thing in gone:
            del self._entries[thing]
        changed = [
            thing
            for thing, device in wanted.items()
            if thing not in self._entries or self._entries[thing].device != device
        ]
        for thing in changed:
            known = self._entries.get(thing)
            entry = _Entry(wanted[thing], now, now)
            entry.readouts = known.readouts if known else self._early.get(thing, 0)
            entry.day = known.day if known else -1
            self._entries[thing] = entry
        return changed, gone

    def next(self, now: float, wall: float) -> tuple[str | None, float]:
        """The thing to read now, or None; and how long to wait (s) until there may be one."""
        ready = [entry for entry in self._entries.values() if entry.due <= now and self._may_be_read(entry, now, wall)]
        if ready:
            chosen = min(ready, key=lambda entry: self._rank(entry, now))
            pause = self._until_proven(now)
            if self._rank(chosen, now)[0] and pause < chosen.cost:
                return None, pause  # its timeout would make others late
            chosen.asked = now
            return chosen.device.thing, 0.0
        waits = [entry.due - now for entry in self._entries.values()]
        return None, max(0.0, min(waits, default=_DAY))

    def is_allowed(self, thing: str, now: float, wall: float) -> bool:
        """Whether its battery allows one more readout today."""
        entry = self._entries.get(thing)
        return entry is None or self._may_be_read(entry, now, wall)

    def _until_proven(self, now: float) -> float:
        """Seconds until the next device that answers is due."""
        return min((entry.due for entry in self._entries.values() if entry.is_proven), default=now + _DAY) - now

    def _rank(self, entry: _Entry, now: float) -> tuple[bool, float]:
        is_late = now - entry.due > _PATIENCE * entry.device.period
        # Rounded: those due at one moment keep one order, the file's, for a meter's own distance between readings.
        return not (entry.is_proven or is_late), round(entry.due, 1)

    def _may_be_read(self, entry: _Entry, now: float, wall: float) -> bool:
        """A battery allows so many readouts a day; the rest of the day the device is left alone."""
        limit = entry.device.readouts_per_day
        today = int(wall // _DAY)
        if limit is None:
            return True
        if entry.day == -1:
            entry.day = today  # what was counted before the start was counted today
        if entry.day != today:
            entry.day, entry.readouts = today, 0
        if entry.readouts < limit:
            return True
        entry.due = entry.slot = now + _DAY - wall % _DAY
        return False

    def answered(self, thing: str, now: float, wall: float) -> None:
        """It was read: the next time is its next regular moment."""
        entry = self._entries.get(thing)
        if entry is None:
            return  # taken out of the configuration meanwhile
        entry.failures, entry.is_proven = 0, True
        entry.readouts += 1
        period = entry.device.period
        due = now + _until_slot(entry.device, wall)
        if due - entry.slot < period / 2:  # this reading was that slot's, a little early
            due += period
        entry.due = entry.slot = due

    def failed(self, thing: str, now: float) -> float:
        """It was not: wait before the next probe, returned in s."""
        entry = self._entries.get(thing)
        if entry is None:
            return 0.0
        first = min(FIRST_BACKOFF, entry.device.period)
        wait = min(first * 2.0 ** min(entry.failures, 30), max(LONGEST_BACKOFF, entry.device.period))
        entry.failures, entry.is_proven = entry.failures + 1, False
        entry.cost = now - entry.asked
        entry.due = now + wait
        return wait

    def failures(self) -> dict[str, int]:
        """How often each device failed in a row."""
        return {thing: entry.failures for thing, entry in self._entries.items()}


def _until_slot(device: Device, wall: float) -> float:
    """Seconds until the next multiple of the period plus the device's own offset; above 0."""
    digest = sha256(device.thing.encode()).digest()
    offset = int.from_bytes(digest[:4], "big") / 2**32 * min(device.jitter, device.period)
    return device.period - (wall - offset) % device.period
