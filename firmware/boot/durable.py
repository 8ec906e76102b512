"""What is on flash after this? A file replaced as a whole, synced, and read back."""

import binascii
import hashlib
import os

_CHUNK = 512  # a heap that has lived has no large pieces left


def replace(path: str, octets: bytes) -> None:
    """The file as a whole: a cut leaves the old one or the new one."""
    with open(path + ".new", "wb") as file:
        file.write(octets)
        sync(file)
    os.rename(path + ".new", path)


def sync(file) -> None:
    """On LittleFS a flush is durable; the unix interpreter and CPython need their own word for it."""
    file.flush()
    if hasattr(os, "fsync"):
        os.fsync(file.fileno())


def digest(path: str) -> str:
    """SHA-256 of a file, as it is read back, as hexadecimal text."""
    return next(text for text in digesting(path) if text)


def digesting(path: str):
    """The same in steps of a few KiB: yields nothing yet, and at last the text."""
    found, buffer = hashlib.sha256(), bytearray(_CHUNK)
    view = memoryview(buffer)
    with open(path, "rb") as file:
        size = file.readinto(buffer)
        while size:
            found.update(view[:size])
            size = file.readinto(buffer)
            yield ""
    yield str(binascii.hexlify(found.digest()), "ascii")
