"""What can be wrong with a board? Faults by name, each from an address of its flash on."""

from typing import Literal, NamedTuple, get_args

Name = Literal["corrupt", "unplug", "slow", "wrong-chip", "full"]
NAMES: tuple[Name, ...] = get_args(Name)


class Fault(NamedTuple):
    """It happens when ``address`` or what lies behind it is written.

    ``corrupt``: one octet, once, is written otherwise. ``unplug``: the board is gone. ``slow``: a block takes a second.
    ``full``: the flash ends there, whatever it says of itself. ``wrong-chip``, always: an ESP32-S2.
    """

    name: Name
    address: int = 0


def parse(text: str) -> Fault:
    """``NAME`` or ``NAME:ADDRESS``. Raises ValueError that names both."""
    name, _, address = text.partition(":")
    for known in NAMES:
        if name == known:
            return Fault(known, int(address or "0", 0))
    raise ValueError(f"fault {name}: expected one of {' '.join(NAMES)}")
