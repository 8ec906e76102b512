"""How many vehicles went in and out, and how many are inside now? Two beams across the entry of a car park.

``a`` is the beam on the street side. Contacts that record their edges (hal ``beam_a``, ``beam_b``) count every passage
exactly, whatever dies in between: totals and the next edges are one note, written with the reading. Two JSN-SR04T (hal
``ultrasonic_a``, ``ultrasonic_b``) are asked once a sample and serve where vehicles crawl.
"""

import struct

from firmware.drivers import DriverError, jsn_sr04t
from firmware.entry.beams import Contacts, Echoes
from firmware.entry.passage import NONE, Passage
from firmware.nodes import Sample
from firmware.settings import SettingsError, between, whole


def correction(key: str, value):
    """[number, vehicles inside]: taken once, when the number is another than the last one."""
    if type(value) is list and len(value) == 2 and all(type(one) is int and 0 <= one < 2**30 for one in value):
        return value[0], value[1]
    raise SettingsError(key + ": expected [number, vehicles inside]")


KEYS = {"capacity": between(1, 100000)}
OPTIONAL = {
    "start": (between(0, 100000), 0),  # vehicles inside at the very first start
    "correction": (correction, (0, 0)),
    "heartbeat_ms": (whole, 900000),
    "blocked_below_mm": (between(1, 8000), 1500),  # ultrasound: something stands in the beam
}
QUANTITIES = ("vehicle_count_in", "vehicle_count_out", "occupied_count")
BATTERY = False
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


def make(settings: dict, hal, note: bytes) -> Counting:
    if hal.has("ultrasonic_a"):
        sensors = [hal.uart(name, jsn_sr04t.BAUD) for name in ("ultrasonic_a", "ultrasonic_b")]
        beams = Echoes(sensors[0], sensors[1], settings["blocked_below_mm"])
    else:
        beams = Contacts(hal.pulses("beam_a"), hal.pulses("beam_b"))
    return Counting(beams, settings, hal.monotonic_ms, note)
