"""What do the words of MicroPython's viper compiler mean on CPython? That plain integers do the same arithmetic there.

MicroPython's compiler knows these words itself and never asks for their values: it compiles what is marked to machine
code. On CPython the same function runs as it stands; a pointer to words is whatever can be indexed.
"""


class micropython:  # noqa: N801 - the compiler's own spelling
    """Only ``viper`` is used."""

    @staticmethod
    def viper(function):
        return function


ptr32 = memoryview


def const(number: int) -> int:
    return number


def words(buffer):
    """The memory of a bytearray as what a pointer to words may point to."""
    view = memoryview(buffer)
    return view.cast("I") if hasattr(view, "cast") else buffer
