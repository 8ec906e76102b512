"""What becomes of M-Bus characters when several meters speak at once, or the line is bad?"""

import random
from collections.abc import Sequence

SEED = 42


def overlaid(answers: Sequence[bytes]) -> bytes:
    """What a line carries of answers that begin together: a space (0) of anyone wins over the marks (1) of others."""
    longest = max(len(answer) for answer in answers)
    merged = bytearray(b"\xff" * longest)
    for answer in answers:
        for at, octet in enumerate(answer):
            merged[at] &= octet
    return bytes(merged)


class Noise:
    """Flips one bit in a share ``rate`` of all characters."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._random = random.Random(SEED)

    def on(self, octets: bytes) -> bytes:
        """These characters as they arrive."""
        if not self._rate:
            return octets
        return bytes(
            octet ^ 1 << self._random.randrange(8) if self._random.random() < self._rate else octet for octet in octets
        )
