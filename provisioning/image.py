"""How do files become the octets of a flash? One LittleFS image, as MicroPython mounts it."""

from collections.abc import Mapping

from littlefs import LittleFS, LittleFSError

from provisioning import ProvisionError
from provisioning.partitions import SECTOR

_CACHE = 32  # what MicroPython's VfsLfs2 reads and writes at once, and its lookahead
_DISK_VERSION = 0x00020000  # interpreters before 1.20 mount no 2.1


def image(files: Mapping[str, bytes], size: int) -> bytes:
    """``files``: path from the root -> octets. The same files give the same image. Raises ProvisionError: too many."""
    system = _system(size)
    try:
        for path, octets in sorted(files.items()):
            folder, _, _ = path.rpartition("/")
            if folder:
                system.makedirs(folder, exist_ok=True)
            with system.open(path, "wb") as file:
                file.write(octets)
    except LittleFSError as error:
        total = sum(len(octets) for octets in files.values())
        raise ProvisionError(f"{path}: {total} bytes do not fit into a file system of {size} ({error})") from None
    return bytes(system.context.buffer)


def files(octets: bytes) -> dict[str, bytes]:
    """What is in an image."""
    system = _system(len(octets), mount=False)
    system.context.buffer[:] = octets
    try:
        system.mount()
    except LittleFSError:
        raise ProvisionError("no LittleFS image") from None
    found = {}
    for folder, _, names in system.walk("/"):
        for name in names:
            path = f"{folder.rstrip('/')}/{name}"
            with system.open(path, "rb") as file:
                found[path.lstrip("/")] = bytes(file.read())
    return found


def _system(size: int, *, mount: bool = True) -> LittleFS:
    return LittleFS(
        mount=mount,
        block_size=SECTOR,
        block_count=size // SECTOR,
        read_size=_CACHE,
        prog_size=_CACHE,
        lookahead_size=_CACHE,
        disk_version=_DISK_VERSION,
    )
