"""What does a device draw from its supply? One module per kind of meter; the rig file names it."""

from typing import Protocol


class CurrentMeter(Protocol):
    def mean(self, seconds: float) -> float:
        """The mean, in mA, over at least so many seconds from now on. BenchError when nothing is measured."""
