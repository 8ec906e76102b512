"""What is the least flow of a night? Between 02:00 and 04:00 local time, the hour with the fewest pulses.

Pulses are counted in quarters of an hour by their own time, so it does not matter how often the node looks. A night of
which a part was not watched says nothing.
"""

import struct

from firmware.water.local_time import HOUR_MS, night

_QUARTER_MS = HOUR_MS // 4
_MOST = 12  # quarters: the night on which summer ends
_FORM = "<qqB" + "H" * _MOST
SIZE = 41  # of what is remembered
_LATE_MS = 12 * HOUR_MS  # after that, a result would be taken for another night's


class NightFlow:
    """Feed it all pulses in their order, each once; ``remember`` and ``recall`` carry it over a restart."""

    def __init__(self) -> None:
        self._begun = 0  # of the night that is counted, UTC ms
        self._watched = 0  # until when
        self._is_open = False
        self._quarters = [0] * _MOST

    def pulse(self, utc_ms: int) -> tuple | None:
        """One pulse; the result of an earlier night that this ends, as ``watch`` gives it."""
        result = self.watch(utc_ms)
        begun, end = night(utc_ms)
        if self._is_open and begun <= utc_ms < end:
            place = (utc_ms - begun) // _QUARTER_MS
            self._quarters[place] = min(self._quarters[place] + 1, 65535)
        return result

    def watch(self, utc_ms: int) -> tuple | None:
        """All until now has been watched; (pulses in the least hour, ms of the night) when a night has ended."""
        begun, end = night(utc_ms)
        result = None
        if begun < self._begun:
            return None  # the clock was set back: what is counted is counted
        if begun != self._begun:
            result = self._close(utc_ms)
            self._is_open = 0 < self._watched <= begun
            self._begun = begun
            self._quarters = [0] * _MOST
        if utc_ms >= end and self._is_open:
            result = self._close(utc_ms)
        self._watched = max(self._watched, utc_ms)
        return result

    def lose(self) -> None:
        """Pulses may have been lost: neither this night nor one that begins before the next pulse says anything."""
        self._is_open = False
        self._watched = 0

    def _close(self, utc_ms: int) -> tuple | None:
        begun, end = night(self._begun)
        was_open, self._is_open = self._is_open, False
        if not was_open or utc_ms - end > _LATE_MS:
            return None
        count = (end - begun) // _QUARTER_MS
        least = min([sum(self._quarters[place : place + 4]) for place in range(count - 3)])
        return least, end - begun

    def remember(self) -> bytes:
        return struct.pack(_FORM, self._begun, self._watched, self._is_open, *self._quarters)

    def recall(self, octets: bytes) -> None:
        self._begun, self._watched, is_open, *self._quarters = struct.unpack(_FORM, octets)
        self._is_open = bool(is_open)
