"""What arrives, and how far may a clock be off?"""

from typing import NamedTuple

FUTURE = 24 * 3_600_000  # ms: a reading further ahead than this is held
PAST = 20 * 366 * 24 * 3_600_000  # ms: a reading further back than this is held
SKEW = 60_000  # ms: a reading further ahead than this is stored, marked


class Message(NamedTuple):
    """One MQTT message as it arrived; ``received`` in ms UTC."""

    topic: str
    payload: bytes
    received: int
