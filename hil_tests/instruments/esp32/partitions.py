"""Where does the interpreter of a board find its file system? As MicroPython's ESP32 port finds it at its start.

A partition ``vfs`` where the table has one; otherwise what is left of the flash behind the last partition. This reads
the table for itself: the tool that writes images has another reading of it, and the two must agree.
"""

import struct

from hil_tests.instruments.esp32.flash import Flash

_TABLE, _ENTRIES, _ENTRY = 0x8000, 95, struct.Struct("<HBBII16sI")
_MAGIC = 0x50AA  # AA 50 on the flash


def file_system(flash: Flash) -> tuple[int, int] | None:
    """Its offset and size; None: no table, or no room."""
    end = 0
    for number in range(_ENTRIES):
        magic, _, _, offset, size, label, _ = _ENTRY.unpack(flash.read(_TABLE + number * _ENTRY.size, _ENTRY.size))
        if magic != _MAGIC:
            break
        if label.rstrip(b"\0") == b"vfs":
            return offset, size
        end = max(end, offset + size)
    return (end, flash.size - end) if 0 < end < flash.size else None
