"""How loud was it? Equivalent, highest, lowest and percentile levels of a stream of samples (words of IEC 61672-1).

Energies are whole numbers, summed exactly; only a level is a float, and it is made at the end. The time weighting is
exponential over the means of 5 ms blocks: for a change inside a block that is 0.09 dB too low at most. Percentiles
are of the Fast level, taken every 125 ms, in classes of 0.1 dB.
"""

import math
from array import array

from firmware.noise import a_weighting

SLOTS = 1200  # samples in a buffer: 25 ms
FULL_SCALE_DB = 120.0  # of an INMP441 or ICS-43434: 94 dB are -26 dBFS
FAST, SLOW = 2570, 327  # 65536 * (1 - exp(-5 ms / time constant)), time constants 125 ms and 1 s
_BLOCKS = SLOTS // a_weighting.BLOCK
_START_BUFFERS = 12  # the first 300 ms belong to the microphone and the filter
_PRIMING_BUFFERS = 8  # of these, the last 200 ms are where the time weighting begins
_LAF_BUFFERS = 5  # 125 ms
_LOWEST_DB, _CLASSES = 10, 1300  # 10 to 140 dB; what is outside goes into the last class on its side


class TimeWeighting:
    """``factor`` is FAST or SLOW; ``energy`` is 65536 times the weighted energy of one block."""

    def __init__(self, factor: int) -> None:
        self._factor = factor
        self.energy = 0

    def begin(self, energy: int) -> None:
        """As if it had heard blocks of this energy for ever."""
        self.energy = energy << 16

    def add(self, energy: int) -> int:
        """One more block."""
        self.energy += energy * self._factor - (self.energy * self._factor >> 16)
        return self.energy


class SoundLevel:
    """``calibration_db``: what is added for this microphone."""

    def __init__(self, calibration_db: float) -> None:
        self._offset = FULL_SCALE_DB + calibration_db
        self._state = a_weighting.silence()
        self._fast = TimeWeighting(FAST)
        self._starting = _START_BUFFERS
        self._priming = 0
        self._histogram = array("H", bytes(2 * _CLASSES))
        self._histogram_buffers = 0
        self.clear()

    def clear(self) -> None:
        """A new period begins; filter and time weighting go on."""
        self.samples = 0
        self.overloads = 0
        self._energy = 0
        self._highest = 0
        self._lowest = None
        for number in range(_CLASSES):
            self._histogram[number] = 0

    def hear(self, slots) -> int | None:
        """A buffer of ``SLOTS`` samples; its energy, or None while the first 300 ms are thrown away."""
        energy = overloads = 0
        for first in range(0, SLOTS, a_weighting.BLOCK):
            a_weighting.weigh(slots, first, self._state)
            block = a_weighting.energy(self._state)
            overloads += a_weighting.overloads(self._state)
            energy += block
            if not self._starting:
                self._weigh_in_time(block)
        if self._starting:
            self._start(energy)
            return None
        self._energy += energy
        self.samples += SLOTS
        self.overloads += overloads
        self._histogram_buffers += 1
        if self._histogram_buffers == _LAF_BUFFERS:
            self._histogram_buffers = 0
            self._count(self._fast.energy)
        return energy

    def _start(self, energy: int) -> None:
        if self._starting <= _PRIMING_BUFFERS:
            self._priming += energy
        self._starting -= 1
        self._fast.begin(self._priming // (_PRIMING_BUFFERS * _BLOCKS))

    def _weigh_in_time(self, block: int) -> None:
        fast = self._fast.add(block)
        if fast > self._highest:
            self._highest = fast
        if self._lowest is None or fast < self._lowest:
            self._lowest = fast

    def _count(self, fast: int) -> None:
        level = int((self._fast_level(fast) - _LOWEST_DB) * 10)
        level = min(max(level, 0), _CLASSES - 1)
        if self._histogram[level] < 65535:
            self._histogram[level] += 1

    def level(self, energy: int, samples: int) -> float:
        """In dB, of an energy that came in so many samples."""
        if energy <= 0:
            return self._offset - 200
        return 10 * math.log10(energy / samples / a_weighting.FULL_SCALE_SQUARE) + self._offset

    def _fast_level(self, fast: int) -> float:
        return self.level(fast, a_weighting.BLOCK << 16)

    def equivalent(self) -> float:
        """LAeq of the period: the level of the mean energy."""
        return self.level(self._energy, self.samples)

    def highest(self) -> float:
        """LAFmax."""
        return self._fast_level(self._highest)

    def lowest(self) -> float:
        """LAFmin."""
        return self._fast_level(self._lowest or 0)

    def exceeded(self, *percents: int) -> list:
        """The levels that Fast was over in these shares of the period, ascending: 10 is L10."""
        total, seen, levels = sum(self._histogram), 0, []
        for number in range(_CLASSES - 1, -1, -1):
            count = self._histogram[number]
            while count and len(levels) < len(percents) and seen + count >= total * percents[len(levels)] / 100:
                inside = (total * percents[len(levels)] / 100 - seen) / count
                levels.append(_LOWEST_DB + (number + 1 - inside) / 10)
            seen += count
        return levels
