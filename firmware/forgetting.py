"""What of the code is not needed any more? It is forgotten, and its heap belongs to the readings again."""

import sys

import firmware


def forget(*names: str) -> None:
    """Modules below ``firmware``; each is loaded again when somebody asks for it. What is held of one keeps it alive.

    Only where the heap is small: elsewhere a class that is loaded twice would be two.
    """
    if sys.implementation.name != "micropython":
        return
    for name in names:
        if sys.modules.pop("firmware." + name, None) is not None:
            package, _, last = ("firmware." + name).rpartition(".")
            package = sys.modules.get(package, firmware)
            if hasattr(package, last):
                delattr(package, last)
