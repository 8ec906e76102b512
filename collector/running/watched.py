"""Has a file changed since it was read? A change counts once two looks find the same: who writes may be at it still."""

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

LOOK = 2.0  # s between looks at a file

T = TypeVar("T")


class Watched(Generic[T]):
    """``load`` reads the file, and raises what is wrong with it."""

    def __init__(self, file: Path, load: Callable[[], T]) -> None:
        self._file = file
        self._load = load
        self._seen = self._taken = self._signature()

    def read(self) -> T:
        """Whatever stands there now."""
        self._seen = self._taken = self._signature()
        return self._load()

    def look(self) -> T | None:
        """What stands there, when it has changed since it was read; raises once per change."""
        before, self._seen = self._seen, self._signature()
        has_changed, is_settled = self._seen != self._taken, self._seen == before
        return self.read() if has_changed and is_settled else None

    def _signature(self) -> tuple[int, ...] | None:
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino
