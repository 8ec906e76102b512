"""What is the magnetic field of the empty spot, and how far is it from that now? Integers, in nT.

The baseline learns only while the spot is free and the field near it, and never faster than a stated drift: a car that
comes, however slowly it is parked and however long it stays, is not learnt. What temperature does meanwhile is allowed
for: every degree since the baseline last learnt widens what still counts as free, up to a bound.
"""

import struct

from firmware.spot.occupancy import FREE, OCCUPIED, UNKNOWN

_FIRST = 8  # fields whose mean is the first baseline
_FORM = "<qqqBb"
_NO_DEGREES = -128
_PARTS = 256  # of a nT, in which a slow drift is counted


class Baseline:
    """``occupied_nt`` > ``free_nt`` are deviations; ``drift_nt`` per hour; ``degree_nt`` is allowed per degree."""

    SIZE = 26  # bytes of what is remembered

    def __init__(self, occupied_nt: int, free_nt: int, drift_nt: int, degree_nt: int) -> None:
        self._occupied_nt = occupied_nt
        self._free_nt = free_nt
        self._drift_nt = drift_nt
        self._degree_nt = degree_nt
        self._first = (0, 0, 0, 0)  # the sum of the first fields, and how many there are
        self._parts = None  # the baseline in parts of a nT
        self._celsius = None  # when it last learnt

    @property
    def field(self) -> tuple | None:
        """(x, y, z) in nT; None before anything was learnt."""
        return None if self._parts is None else tuple([part // _PARTS for part in self._parts])

    def deviation(self, field: tuple) -> int | None:
        """How far the field is from that of the empty spot; None while that is not known."""
        baseline = self.field
        if baseline is None:
            return None
        return magnitude([now - then for now, then in zip(field, baseline)])

    def evidence(self, deviation: int | None, celsius: int | None, before: str) -> str:
        """Between the two thresholds the last answer stays."""
        if deviation is None:
            return UNKNOWN
        if deviation > self._occupied_nt:
            return OCCUPIED
        return FREE if deviation < self._free_nt + self._tolerance(celsius) else before

    def learn(self, field: tuple, celsius: int | None, elapsed_ms: int) -> None:
        """Follow the field of a free spot, slowly; a field that is not near the baseline teaches nothing."""
        parts, deviation = self._parts, self.deviation(field)
        if parts is None or deviation is None:
            self._begin(field, celsius)
        elif deviation < self._free_nt // 2 + self._tolerance(celsius):
            step = max(self._drift_nt * _PARTS * elapsed_ms // 3600000, 1)
            for axis in range(3):
                parts[axis] += max(-step, min(step, field[axis] * _PARTS - parts[axis]))
            self._celsius = celsius

    def _begin(self, field: tuple, celsius: int | None) -> None:
        x, y, z, count = self._first
        self._first = x + field[0], y + field[1], z + field[2], count + 1
        if count + 1 == _FIRST:
            self._parts = [total * _PARTS // _FIRST for total in self._first[:3]]
            self._celsius = celsius

    def _tolerance(self, celsius: int | None) -> int:
        if celsius is None or self._celsius is None:
            return 0
        return min(self._degree_nt * abs(celsius - self._celsius), (self._occupied_nt - self._free_nt) // 4)

    # ---- what survives a restart

    def remember(self) -> bytes:
        celsius = _NO_DEGREES if self._celsius is None else max(-127, min(127, self._celsius))
        learnt = self._first if self._parts is None else tuple(self._parts) + (_FIRST,)
        return struct.pack(_FORM, learnt[0], learnt[1], learnt[2], learnt[3], celsius)

    def recall(self, octets: bytes) -> None:
        x, y, z, count, celsius = struct.unpack(_FORM, octets)
        if count == _FIRST:
            self._parts = [x, y, z]
        else:
            self._first = x, y, z, count
        self._celsius = None if celsius == _NO_DEGREES else celsius


def magnitude(axes) -> int:
    """The length of a vector of integers, rounded down: no float has the bits for it."""
    square = sum([axis * axis for axis in axes])
    if square == 0:
        return 0
    root = 1
    while root * root <= square:
        root *= 2
    while True:  # Newton's method comes down from above
        better = (root + square // root) // 2
        if better >= root:
            return root
        root = better
