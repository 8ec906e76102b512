"""How many vehicles went in and out, and are inside now? Passages are counted, and what is counted survives."""

import struct

from firmware.drivers import DriverError
from firmware.entry.passage import NONE, Passage
from firmware.nodes import Sample

_NOTE = "<BIIIIQQBbB"  # version, corrections, in, out, inside, next edges of A and B, beams, place, lost
_VERSION = 1


class Counting:
    """``beams`` is one of firmware.entry.beams. Vehicles inside stay from 0 to the capacity: a bound mends a miss."""

    def __init__(self, beams, settings: dict, monotonic_ms, note: bytes) -> None:
        self.period_ms = settings["period_ms"]
        self.faults = {}
        self._beams = beams
        self._capacity = settings["capacity"]
        self._heartbeat_ms = settings["heartbeat_ms"]
        self._monotonic_ms = monotonic_ms
        self._said_ms = None  # when the last reading was
        number, inside = settings["correction"]
        fresh = struct.pack(_NOTE, _VERSION, number, 0, 0, settings["start"], 0, 0, 0, 0, 0)
        self._take(note if len(note) == len(fresh) and note[0] == _VERSION else fresh)
        if number != self._number:
            self._number, self._inside = number, inside
        self._inside = min(self._inside, self._capacity)

    async def sample(self) -> list:
        try:
            states, cursors, lost = await self._beams.look(self._low, self._cursors)
        except DriverError as error:
            self._fault(str(error))
            return []
        passage, low = Passage(self._place, self._is_lost), self._low
        if lost:
            self._fault("edges_lost")
            passage = Passage(0, any(low))
        counted = [self._entered, self._left, self._inside]
        for low in states:
            self._count(passage.step(low[0], low[1]), counted)
        if passage.is_lost and not self._is_lost:
            self._fault("order_lost")
        now = self._monotonic_ms()
        moved = counted[:2] != [self._entered, self._left]
        is_due = self._said_ms is None or now - self._said_ms >= self._heartbeat_ms
        note = self._pack(counted, cursors, low, passage)
        if cursors == self._cursors and not moved:  # nothing that a restart would have to know
            self._take(note)
            if not is_due:
                return []
        self._said_ms = now
        values = {"vehicle_count_in": counted[0], "vehicle_count_out": counted[1], "occupied_count": counted[2]}
        return [Sample(values, moved, note)]

    def _count(self, passed: int, counted: list) -> None:
        if passed == NONE:
            return
        counted[0 if passed > 0 else 1] += 1
        inside = counted[2] + passed
        if not 0 <= inside <= self._capacity:
            self._fault("below_empty" if inside < 0 else "above_capacity")
        counted[2] = max(0, min(inside, self._capacity))

    def keep(self, note: bytes) -> None:
        """``note`` is durable: from here on, later edges may be asked for."""
        self._take(note)

    def _pack(self, counted: list, cursors: tuple, low: tuple, passage: Passage) -> bytes:
        entered, left, inside = counted
        beams = low[0] | low[1] << 1
        lost = int(passage.is_lost)
        return struct.pack(
            _NOTE, _VERSION, self._number, entered, left, inside, cursors[0], cursors[1], beams, passage.place, lost
        )

    def _take(self, note: bytes) -> None:
        _, self._number, self._entered, self._left, self._inside, a, b, beams, self._place, lost = struct.unpack(
            _NOTE, note
        )
        self._cursors, self._low, self._is_lost = (a, b), (bool(beams & 1), bool(beams & 2)), bool(lost)

    def _fault(self, name: str) -> None:
        self.faults[name] = self.faults.get(name, 0) + 1
