"""Who did or read what, when and why? One hash chain in the data directory, which nobody can change unseen.

What stands there: reads of personal data, changes of rights and entities, commands, exports and erasures. Verify it by
``senzorika-collector audit``; keep the head it prints elsewhere: cutting off the end is seen so.
"""

import os
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any

from collector.entities.inventory import ConfigError
from firmware.chain import Chain, ChainError, verify

FILE = "audit.log"


class Audit:
    """An open log. ``write`` may come from every thread."""

    def __init__(self, file: Path, clock: Callable[[], int]) -> None:
        """Raise ConfigError when what stands there was changed, or OSError."""
        self.file = file
        self._file = os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
        self._clock = clock
        self._lock = Lock()
        try:
            self._chain = Chain(self._file, lambda: os.fsync(self._file.fileno()), clock())
        except ChainError as error:
            raise ConfigError(f"{file}: {error}: somebody changed the log; keep it, and start a new one") from None

    def write(self, event: str, who: str, **more: Any) -> None:
        """Durable on return; raises OSError."""
        with self._lock:
            self._chain.append({"event": event, "who": who, **more}, self._clock())

    @property
    def head(self) -> tuple[int, str]:
        """(lines, hash of the last): tell it to others."""
        with self._lock:
            return self._chain.number, self._chain.head

    def close(self) -> None:
        self._file.close()


def check(file: Path) -> tuple[int, str]:
    """(lines, hash of the last) of a whole log; raises ChainError naming the line, or OSError."""
    with file.open("rb") as lines:
        count, head = verify(lines)
    return int(count), str(head)
