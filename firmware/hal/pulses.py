"""A pulse input on a pin: an interrupt records every edge, while the chip is awake."""

import time
from array import array

import machine

_KEPT = 256  # edges; a contact of 0.5 Hz that bounces eight times fills this in half a minute


class Pulses:
    """``pin`` is the number of the input; edges live in memory, so a reset loses those that nobody has read."""

    def __init__(self, pin: int, monotonic_ms) -> None:
        self._monotonic_ms = monotonic_ms
        self._ticks = array("i", [0] * _KEPT)
        self._levels = bytearray(_KEPT)
        self._next = 0
        self._first = 0
        self._offset = None  # what this start calls its edge 0
        self._us = 0
        self._last = time.ticks_us()
        self._pin = machine.Pin(pin, machine.Pin.IN, machine.Pin.PULL_UP)
        self._pin.irq(self._edge, machine.Pin.IRQ_RISING | machine.Pin.IRQ_FALLING)

    def _edge(self, pin: machine.Pin) -> None:
        place = self._next % _KEPT
        self._ticks[place] = time.ticks_diff(time.ticks_us(), 0)
        self._levels[place] = pin.value()
        self._next += 1

    async def since(self, cursor: int, _timeout_ms: int, most: int = _KEPT) -> tuple | None:
        """Return (first, now_us, edges): ``edges`` are up to ``most`` (us, level) from number ``first`` on."""
        if self._offset is None:
            self._offset = cursor  # numbers go on where the note of the last start ended
        newest = self._next
        first = max(cursor - self._offset, newest - _KEPT, 0)
        end = min(newest, first + most)
        now = time.ticks_us()
        self._us += time.ticks_diff(now, self._last)
        self._last = now
        edges = []
        for number in range(first, end):
            place = number % _KEPT
            edges.append((self._us - time.ticks_diff(now, self._ticks[place]), self._levels[place]))
        return first + self._offset, self._us if end == newest else edges[-1][0], edges
