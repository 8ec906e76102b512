"""A disk that can be filled: a few MB in memory, mounted where something writes. Only root can mount."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hil_tests.instruments.process import BenchError

_STEP = 1 << 16  # bytes


class SmallDisk:
    """Mounted at ``folder``; what fills it is a file of ours."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ballast = folder / "ballast"

    @property
    def free(self) -> int:
        """Bytes."""
        found = os.statvfs(self._folder)
        return found.f_bavail * found.f_bsize

    def fill(self, leave: int = 0) -> None:
        """Until no more than so many bytes are free."""
        with self._ballast.open("ab", buffering=0) as file:
            try:
                while (room := self.free - leave) > 0:
                    file.write(bytes(min(_STEP, room)))
            except OSError:  # full to the last byte
                return

    def make_room(self) -> None:
        self._ballast.unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[SmallDisk]:
    """Mounted until the block ends; by then nobody may use it any more. Raises BenchError."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        raise BenchError(f"{folder}: a small disk can be mounted by root alone")
    try:
        yield SmallDisk(folder)
    finally:
        if subprocess.run(["umount", str(folder)], check=False, capture_output=True).returncode:
            # Somebody is still on it: it goes when the last one has left.
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
