"""A watchdog that bites: a thread that kills the interpreter when nobody has fed it."""

import _thread
import os
import time

from firmware.hal_sim.reset import remember


class Watchdog:
    """Real milliseconds, whatever the simulated clock does."""

    def __init__(self, folder: str, timeout_ms: int) -> None:
        self._folder = folder
        self._timeout_ms = timeout_ms
        self.feed()
        _thread.start_new_thread(self._guard, ())

    def feed(self) -> None:
        self._fed = time.ticks_ms()

    def _guard(self) -> None:
        while time.ticks_diff(time.ticks_ms(), self._fed) < self._timeout_ms:
            time.sleep_ms(100)
        remember(self._folder, "watchdog")
        os.system("kill -9 $PPID")  # the shell's parent is this interpreter  # noqa: S605
