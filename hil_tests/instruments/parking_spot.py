"""How far is the nearest thing above a parking spot? Cars come and go; the answer is a JSN-SR04T's."""

import random
from bisect import bisect_right
from collections.abc import Sequence

FREE, OCCUPIED = "free", "occupied"
_MEASURED_MM = {FREE: (2050, 2150), OCCUPIED: (350, 450)}  # clearly on one side of every threshold


class ParkingSpot:
    """``changes`` lists (second, occupancy); without it, stays of ``mean`` seconds follow each other at random."""

    def __init__(
        self, seed: int, changes: Sequence[tuple[float, str]] = (), mean: float = 20.0, faults: float = 0.0
    ) -> None:
        self._random = random.Random(seed)
        self._changes = sorted(changes) or self._random_changes(mean)
        self._faults = faults  # share of answers without an echo or with a wrong sum

    def _random_changes(self, mean: float) -> list[tuple[float, str]]:
        changes, at, car = [(0.0, FREE)], 0.0, False
        while at < 86_400:
            at += max(2.0, self._random.expovariate(1 / mean))
            car = not car
            changes.append((at, OCCUPIED if car else FREE))
        return changes

    def occupancy(self, second: float) -> str:
        index = bisect_right([at for at, _ in self._changes], second) - 1
        return self._changes[max(index, 0)][1]

    def answer(self, second: float, noise: float = 0.0) -> tuple[bytes, dict[str, object]]:
        """The bytes on the wire, and the values they give (none for a silent or damaged answer)."""
        if self._random.random() < max(self._faults, noise):
            return (frame(0) if self._random.random() < 0.5 else b"\xff\x01\x02\x03"), {}
        occupancy = self.occupancy(second)
        millimetres = self._random.randint(*_MEASURED_MM[occupancy])
        return frame(millimetres), {"distance": millimetres / 1000, "occupancy": occupancy}


def frame(millimetres: int) -> bytes:
    """``FF high low sum``."""
    high, low = millimetres >> 8, millimetres & 0xFF
    return bytes((0xFF, high, low, (0xFF + high + low) & 0xFF))
