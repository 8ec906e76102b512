"""What switches a device off and on? One module per kind of switch; the rig file names it.

What is switched off by a test is on again after it, however the test ends: the bench sees to that.
"""

from typing import Protocol


class Power(Protocol):
    """Each may be said twice: to switch on what is on changes nothing. BenchError when the switch does not do it."""

    def off(self) -> None:
        """The device is without power when this returns."""

    def on(self) -> None: ...

    @property
    def is_on(self) -> bool | None:
        """As the switch itself tells, else as it was last told; None before that."""
