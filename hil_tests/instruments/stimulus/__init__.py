"""What is a sensor shown? One module per way to show it something; the rig file names it.

What it was shown last is gone after a test: the bench sees to that.
"""

from typing import Protocol


class Stimulus(Protocol):
    """BenchError when the sensor can't be shown that, or was not."""

    def show(self, value: float) -> None:
        """In the unit of the quantity; of a contact, 1 is closed. It is there when this returns."""

    def pulse(self, count: int) -> None:
        """So many closings of a contact, exactly; all were given when this returns."""

    def rest(self) -> None:
        """The sensor sees again what it sees without us."""
