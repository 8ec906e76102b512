"""What becomes of characters when several meters speak at once on M-Bus, or the line is bad?"""

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
    """Flips one bit in some characters, the same ones at each start."""

    def __init__(self) -> None:
        self._random = random.Random(SEED)

    def on(self, octets: bytes, rate: float) -> bytes:
        """These characters as they arrive, a share ``rate`` of them wrong."""
        if not rate:
            return octets
        return bytes(
            octet ^ 1 << self._random.randrange(8) if self._random.random() < rate else octet for octet in octets
        )
