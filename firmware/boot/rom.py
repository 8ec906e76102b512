"""How does the application run without taking the heap? As an image that is executed where it lies.

On the chip the image of the active slot is copied into the ``romfs`` partition, once after an update, and the
interpreter maps it into memory. (No silicon has run this yet.) On a laptop the image lies in the heap, which is made so
much larger.
"""

import os
import sys

import vfs

IMAGE = "app.rom"
_MARK = "rom.sha256"


def mount(slots, slot: str) -> None:
    """Make the image of ``slot`` importable. May restart the chip, once."""
    path = slots.path(slot) + "/" + IMAGE
    if sys.platform == "esp32":
        _copy(path, slots.manifest(slot))
    else:
        image = bytearray(os.stat(path)[6])
        with open(path, "rb") as file:
            file.readinto(image)
        vfs.mount(vfs.VfsRom(memoryview(image)), "/rom")  # pyright: ignore[reportAttributeAccessIssue]
    sys.path[:] = [".frozen", "/rom"]


def _copy(path: str, manifest: dict) -> None:
    """The interpreter has mounted what lay in the partition at its start; if that is another image, start again."""
    import machine
    from durable import digest, replace
    from esp32 import Partition

    wanted = next(file["sha256"] for file in manifest["files"] if file["path"] == IMAGE)
    try:
        with open("/" + _MARK) as file:
            if file.read() == wanted:
                return
        os.remove("/" + _MARK)
    except OSError:
        pass  # nothing was copied yet, or a copy was cut short
    partition = Partition.find(Partition.TYPE_DATA, label="romfs")[0]
    buffer = bytearray(4096)
    with open(path, "rb") as file:
        number = 0
        while file.readinto(buffer):
            partition.writeblocks(number, buffer)
            number += 1
    if digest(path) == wanted:
        replace("/" + _MARK, wanted.encode())
    machine.reset()
