"""How much water has gone through the meter? Its pulses, counted once each, whatever dies in between.

The total and the number of the next edge are one note: it becomes durable in the same write as the reading, and only
then does the node ask for later edges. A node that dies before the write counts the same edges again from the old note.
"""

import struct

from firmware.drivers.reed_contact import count_pulses
from firmware.nodes import Sample
from firmware.settings import decimal

KEYS = {"litres_per_pulse": decimal}
TIMEOUT_MS = 3000
_NOTE = "<QQB"  # pulses in all, next edge, whether the contact is closed


class Water:
    """``litres_per_pulse`` is (integer, exponent), so the index stays exact: 0.5 L is (5, -1)."""

    def __init__(self, pulses, litres_per_pulse: tuple, monotonic_ms, note: bytes) -> None:
        self._pulses = pulses
        self._litres = litres_per_pulse
        self._monotonic_ms = monotonic_ms
        self._total, self._cursor, self._low = struct.unpack(_NOTE, note) if note else (0, 0, 0)
        self._last = None  # (ms since boot, pulses in all) of the reading before
        self.faults = {}

    async def sample(self) -> Sample | None:
        answer = await self._pulses.since(self._cursor, TIMEOUT_MS)
        if answer is None:
            self._fault("no_answer")
            return None
        first, now_us, edges = answer
        if first != self._cursor:  # the input has forgotten, or was replaced
            self._fault("edges_lost")
        pulses, consumed, low = count_pulses(edges, now_us, bool(self._low))
        total = self._total + pulses
        litres, exponent = self._litres
        values = {"water_volume": (total * litres, exponent - 3)}
        mono = self._monotonic_ms()
        if self._last is not None and mono > self._last[0]:  # m3/h in thousandths of the pulse's own exponent
            flow = (total - self._last[1]) * litres * 3600000 // (mono - self._last[0])
            values["water_flow"] = (flow, exponent - 3)
        self._last = (mono, total)
        return Sample(values, False, struct.pack(_NOTE, total, first + consumed, low))

    def keep(self, note: bytes) -> None:
        """``note`` is durable: from here on, later edges may be asked for."""
        self._total, self._cursor, self._low = struct.unpack(_NOTE, note)

    def _fault(self, name: str) -> None:
        self.faults[name] = self.faults.get(name, 0) + 1


def make(settings: dict, hal, note: bytes) -> Water:
    return Water(hal.pulses("sensor"), settings["litres_per_pulse"], hal.monotonic_ms, note)
