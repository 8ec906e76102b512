"""What is where on a flash? The partition table of an ESP32, parsed, and where its interpreter keeps files.

ESP-IDF, "Partition Tables": entries of 32 octets at 0x8000 that begin with AA 50, and one with EB EB that carries the
MD5 of those before it. MicroPython's ESP32 port keeps its files in a partition ``vfs``, or, where the table has none,
in what is left of the flash behind the last partition.
"""

import hashlib
import struct
from collections.abc import Sequence
from typing import NamedTuple

from provisioning import ProvisionError

TABLE = 0x8000
TABLE_SIZE = 0xC00
SECTOR = 4096
_ENTRY = struct.Struct("<2sBBII16sI")
_MAGIC, _MD5_MAGIC, _END = b"\xaa\x50", b"\xeb\xeb", b"\xff\xff"
_VFS, _ROMFS = "vfs", "romfs"


class Partition(NamedTuple):
    """One entry; type 0 is an application, 1 data."""

    label: str
    type: int
    subtype: int
    offset: int
    size: int

    @property
    def end(self) -> int:
        return self.offset + self.size


class Region(NamedTuple):
    """A part of the flash."""

    offset: int
    size: int


def parse(table: bytes) -> list[Partition]:
    """The table as it lies at 0x8000. Raises ProvisionError for one that is none, or was altered."""
    found: list[Partition] = []
    for at in range(0, min(len(table), TABLE_SIZE) - _ENTRY.size + 1, _ENTRY.size):
        entry = table[at : at + _ENTRY.size]
        magic, kind, subtype, offset, size, label, _ = _ENTRY.unpack(entry)
        if magic == _MD5_MAGIC:
            if hashlib.md5(table[:at], usedforsecurity=False).digest() != entry[16:]:
                raise ProvisionError("partition table: its MD5 is not that of its entries")
            break
        if magic == _END:
            break
        if magic != _MAGIC:
            raise ProvisionError(f"partition table: entry {len(found)} begins with {magic.hex()}, expected aa50")
        found.append(Partition(label.rstrip(b"\0").decode("ascii", "replace"), kind, subtype, offset, size))
    if not found:
        raise ProvisionError(f"partition table: there is none at {TABLE:#x}")
    return found


def of_image(image: bytes, offset: int) -> list[Partition]:
    """The table within an image that is written to ``offset``."""
    at = TABLE - offset
    if not 0 <= at <= len(image) - _ENTRY.size:
        raise ProvisionError(f"partition table: the image at {offset:#x} does not reach over {TABLE:#x}")
    return parse(image[at : at + TABLE_SIZE])


def file_system(partitions: Sequence[Partition], flash_size: int) -> Region:
    """Where the interpreter looks for its files, in whole sectors."""
    own = next((one for one in partitions if one.label == _VFS), None)
    offset = own.offset if own else max(one.end for one in partitions)
    size = own.size if own else flash_size - offset
    if size < 2 * SECTOR or offset + size > flash_size:
        raise ProvisionError(f"partition table: no room for files behind {offset:#x} on a flash of {flash_size} bytes")
    return Region(offset, size // SECTOR * SECTOR)


def check_application(partitions: Sequence[Partition], size: int) -> None:
    """The image of the application is executed in a partition ``romfs``: is there one, and does it hold so many?"""
    own = next((one for one in partitions if one.label == _ROMFS), None)
    if own is None:
        raise ProvisionError("partition table: no romfs, from which a node executes its application")
    if own.size < size:
        raise ProvisionError(f"partition table: romfs has {own.size} bytes, the application {size}")
