"""What must a water node remember over a restart? All of it is one note, durable in the same write as the reading."""

import struct

from firmware.water.leak import SIZE as LEAK_SIZE
from firmware.water.leak import Leak
from firmware.water.night_flow import SIZE as NIGHT_SIZE
from firmware.water.night_flow import NightFlow

_FORM = "<BIBqqQIBQIB"
_START = 48
_VERSION = 1


class WaterMemory:
    """A copy of the last durable note, to be changed and packed; b"" and what is of another form begin anew."""

    def __init__(self, note: bytes, leak: Leak) -> None:
        self.leak, self.night = leak, NightFlow()
        self.epoch = 0  # how often pulses may have been lost
        self.flags = 0  # as last published
        self.watched_us = 0  # how far, on the input's clock
        self.offset_ms = 0  # from the input's clock to UTC; 0: not known
        self.total, self.edge, self.is_low = 0, 0, False
        self.reverse_total, self.reverse_edge, self.reverse_is_low = 0, 0, False
        self.is_new = len(note) != _START + LEAK_SIZE + NIGHT_SIZE or note[0] != _VERSION
        if not self.is_new:
            self._unpack(note)

    def _unpack(self, note: bytes) -> None:
        _, self.epoch, self.flags, self.watched_us, self.offset_ms, *counts = struct.unpack(_FORM, note[:_START])
        self.total, self.edge, is_low, self.reverse_total, self.reverse_edge, reverse_is_low = counts
        self.is_low, self.reverse_is_low = bool(is_low), bool(reverse_is_low)
        self.leak.recall(note[_START : _START + LEAK_SIZE])
        self.night.recall(note[_START + LEAK_SIZE :])

    def pack(self) -> bytes:
        head = struct.pack(
            _FORM,
            _VERSION,
            self.epoch,
            self.flags,
            self.watched_us,
            self.offset_ms,
            self.total,
            self.edge,
            self.is_low,
            self.reverse_total,
            self.reverse_edge,
            self.reverse_is_low,
        )
        return head + self.leak.remember() + self.night.remember()
