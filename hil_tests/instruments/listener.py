"""What came from a source of octets, line by line, and when? A thread of its own listens until it is stopped."""

import threading
import time
from collections.abc import Callable

from hil_tests.instruments.console import Said


class Listener:
    """``read`` returns what has come, b"" for nothing, within a quarter of a second, and raises nothing."""

    def __init__(self, read: Callable[[], bytes]) -> None:
        self._read = read
        self._rest = b""
        self._lines: list[Said] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def said(self, since: int = 0) -> list[Said]:
        return self._lines[since:]

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(10)

    def _listen(self) -> None:
        while not self._stop.is_set():
            self._take(self._read())
        self._take(self._read())  # what was said before the stop

    def _take(self, octets: bytes) -> None:
        *whole, self._rest = (self._rest + octets).split(b"\n")
        at = time.time_ns() // 1_000_000
        self._lines += [Said(at, line.decode("utf-8", "replace").rstrip("\r")) for line in whole]
