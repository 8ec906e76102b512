"""What becomes of an answer on its way? Some are damaged; those that arrive whole are what the sensor gave."""

import random
from collections.abc import Callable, Mapping

Gave = Callable[[Mapping[str, object]], None]


class Wire:
    """``faults``: share of answers in which one bit falls; ``gave`` is told what arrives whole."""

    def __init__(self, gave: Gave, faults: float = 0.0, seed: int = 0) -> None:
        self._gave = gave
        self._faults = faults
        self._random = random.Random(seed)
        self.damaged = 0

    def answer(self, octets: bytes, values: Mapping[str, object]) -> bytes:
        """The octets as they arrive; ``values`` is what they say."""
        if not octets or self._random.random() >= self._faults:
            if values:
                self._gave(values)
            return octets
        self.damaged += 1
        place = self._random.randrange(len(octets))
        flipped = octets[place] ^ 1 << self._random.randrange(8)
        return octets[:place] + bytes([flipped]) + octets[place + 1 :]
