"""What is on the flash chip? One file, which the loader and the interpreter share."""

import os
from pathlib import Path

SECTOR = 4096
_ERASED = b"\xff"


class Flash:
    """``path`` is made, erased, where there is none of this size."""

    def __init__(self, path: Path, size: int) -> None:
        if not path.exists() or path.stat().st_size != size:
            path.write_bytes(_ERASED * size)
        self.path = path
        self.size = size
        self._file = path.open("r+b", buffering=0)

    def read(self, offset: int, size: int) -> bytes:
        """What lies beyond the end reads as erased."""
        return os.pread(self._file.fileno(), size, offset).ljust(size, _ERASED)

    def write(self, offset: int, octets: bytes) -> None:
        os.pwrite(self._file.fileno(), octets[: max(0, self.size - offset)], offset)

    def erase(self, offset: int, size: int) -> None:
        """Whole sectors, as the chip does."""
        begin = offset // SECTOR * SECTOR
        end = min(-(-(offset + size) // SECTOR) * SECTOR, self.size)
        self.write(begin, _ERASED * max(0, end - begin))
