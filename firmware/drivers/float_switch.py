"""Is the float of a float switch up?"""

from firmware.drivers import DriverError


def position(level: int | None, level_when_up: int) -> str:
    """``on`` when the float is up. ``level_when_up``: 0 for a contact to ground that closes, 1 for one that opens.

    A contact that opens is the safer one: its broken wire says "up". Raises DriverError.
    """
    if level is None:
        raise DriverError("no_answer")
    return "on" if level == level_when_up else "off"
