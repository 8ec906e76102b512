"""What of the code is not needed any more? It is forgotten, and its heap belongs to the readings again."""

import sys

import firmware

BETWEEN = "."  # a folder and a module in it; the linker lays all into one folder


def recall(name: str):
    """The module below ``firmware`` of this name, loaded if it is not. Raises ImportError."""
    whole = "firmware." + name.replace(".", BETWEEN)
    __import__(whole)
    return sys.modules[whole]


def forget(*names: str) -> None:
    """Modules below ``firmware``; each is loaded again when somebody asks for it. What is held of one keeps it alive.

    Only where the heap is small: elsewhere a class that is loaded twice would be two.
    """
    if sys.implementation.name != "micropython":
        return
    for name in names:
        whole = "firmware." + name.replace(".", BETWEEN)
        if sys.modules.pop(whole, None) is not None:
            package, _, last = whole.rpartition(".")
            package = sys.modules.get(package, firmware)
            if hasattr(package, last):
                delattr(package, last)
