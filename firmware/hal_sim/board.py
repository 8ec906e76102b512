"""What does the simulated board know about itself: time, memory, why it started? The watchdog only remembers."""

import gc
import time

from firmware.hal_sim.pulses import Pulses
from firmware.hal_sim.uart import Uart

_BORN_NS = time.time_ns()


class Board:
    """``settings``: ``host:port`` per sensor name; ``clock_after_ms`` keeps the clock invalid that long."""

    def __init__(self, settings: dict) -> None:
        self._settings = settings
        self._clock_after_ms = settings.get("clock_after_ms", 0)
        self.fed_at = 0

    async def start(self) -> None:
        """Nothing to wait for: no radio here."""

    def uart(self, name: str, baud: int) -> Uart:
        return Uart(self._settings[name], baud)

    def pulses(self, name: str) -> Pulses:
        return Pulses(self._settings[name])

    def monotonic_ms(self) -> int:
        """Milliseconds since the start."""
        return (time.time_ns() - _BORN_NS) // 1000000

    def now_ms(self) -> int | None:
        """Milliseconds since 1970 UTC, or None while the clock is not valid."""
        return None if self.monotonic_ms() < self._clock_after_ms else time.time_ns() // 1000000

    def clock_source(self) -> str:
        """One of the codes of the quantity ``clock``."""
        return "none" if self.now_ms() is None else "host"

    def reset_cause(self) -> str:
        return "power_on"

    def heap_free(self) -> int:
        """Bytes of the interpreter's heap, after a collection."""
        gc.collect()
        return gc.mem_free()

    def watchdog(self, _timeout_ms: int) -> "Board":
        return self

    def feed(self) -> None:
        self.fed_at = self.monotonic_ms()
