"""How does a file change as a whole or not at all? Written beside, made durable, then renamed over the old one."""

import os
from pathlib import Path

from provisioning import ProvisionError


def replace_file(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Leave the old file or the new one at any cut of power; raise ProvisionError naming the file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(path.name + ".new")
        new.unlink(missing_ok=True)  # a leftover would keep its own mode
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise ProvisionError(f"{path}: {error.strerror}") from None


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where the system can."""
    if os.name == "nt":  # Windows opens no folders
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
