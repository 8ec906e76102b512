"""What does the simulated board know about itself: time, memory, why it started?

``settings`` has ``host:port`` per sensor name, and may have ``clock_after_ms`` (the clock is not valid before), ``ntp``
(``host:port`` that is asked for the time), ``watchdog_ms`` (a more impatient watchdog) and ``clock``, ``{"speed": 600,
"real_ms": …, "simulated_ms": …}``: at the real time ``real_ms`` it was ``simulated_ms``, and since then time runs
``speed`` times as fast.
"""

import asyncio
import gc
import time

from firmware.hal_sim import reset

_BORN_NS = time.time_ns()
_NOT_SENSORS = ("clock", "clock_after_ms", "ntp", "watchdog_ms")
_RETRY_MS = 2000


class Board:
    """``folder`` holds what survives a reset: its cause, and the memory of the real-time clock."""

    def __init__(self, settings: dict, folder: str) -> None:
        self._settings = settings
        self._folder = folder
        clock = settings.get("clock", {})
        self._speed = clock.get("speed", 1)
        self._real_ms, self._simulated_ms = clock.get("real_ms", 0), clock.get("simulated_ms", 0)
        self._clock_after_ms = settings.get("clock_after_ms", 0)
        self._ntp = settings.get("ntp")
        self._ntp_offset = None  # ms from the host's clock to the server's
        self._cause = reset.recall(folder)
        if self._cause == "power_on":
            self.memory_write(b"")

    async def start(self) -> None:
        """No radio here; with ``ntp``, return when the server has told the time."""
        if self._ntp is None:
            return
        from firmware.sntp import ask

        host, _, port = self._ntp.rpartition(":")
        while self._ntp_offset is None:
            told = await ask(host, int(port))
            if told is None:
                await asyncio.sleep_ms(_RETRY_MS)
            else:
                self._ntp_offset = told - time.time_ns() // 1000000

    # ---- what is wired. A part that is not wired is not loaded.

    def has(self, name: str) -> bool:
        """Whether node.json wires something of this name."""
        return name in self._settings and name not in _NOT_SENSORS

    def uart(self, name: str, baud: int):
        from firmware.hal_sim.uart import Uart

        return Uart(self._settings[name], baud)

    def i2c(self, name: str):
        from firmware.hal_sim.i2c import I2c

        return I2c(self._peer(name))

    def pulses(self, name: str):
        from firmware.hal_sim.pulses import Pulses

        return Pulses(self._peer(name))

    def input(self, name: str):
        from firmware.hal_sim.pins import Input

        return Input(self._peer(name))

    def output(self, name: str):
        from firmware.hal_sim.pins import Output

        return Output(self._peer(name))

    def analog(self, name: str):
        from firmware.hal_sim.pins import Analog

        return Analog(self._peer(name))

    def microphone(self, name: str, _rate: int):
        from firmware.hal_sim.microphone import Microphone

        return Microphone(self._settings[name])

    def _peer(self, name: str):
        from firmware.hal_sim.peer import Peer

        return Peer(self._settings[name])

    # ---- time

    def monotonic_ms(self) -> int:
        """Milliseconds since the start."""
        return (time.time_ns() - _BORN_NS) * self._speed // 1000000

    def now_ms(self) -> int | None:
        """Milliseconds since 1970 UTC, or None while the clock is not valid."""
        if self.monotonic_ms() < self._clock_after_ms or (self._ntp is not None and self._ntp_offset is None):
            return None
        real = time.time_ns() // 1000000 + (self._ntp_offset or 0)
        return self._simulated_ms + (real - self._real_ms) * self._speed

    async def sleep_ms(self, duration: int) -> None:
        await asyncio.sleep_ms(duration // self._speed)

    def clock_source(self) -> str:
        """One of the codes of the quantity ``clock``."""
        if self.now_ms() is None:
            return "none"
        return "host" if self._ntp is None else "ntp"

    # ---- the chip

    def reset_cause(self) -> str:
        return self._cause

    def heap_free(self) -> int:
        """Bytes of the interpreter's heap, after a collection."""
        gc.collect()
        return gc.mem_free()

    def largest_block(self) -> int | None:
        """Bytes of the largest free piece of the system's heap; None: this host has no such heap."""
        return None

    def signal_strength(self) -> int | None:
        """dBm; None: no radio here."""
        return None

    def watchdog(self, timeout_ms: int):
        from firmware.hal_sim.watchdog import Watchdog

        return Watchdog(self._folder, self._settings.get("watchdog_ms", timeout_ms))

    def restart(self) -> None:
        """Start again at once; never returns."""
        reset.restart(self._folder, "soft")

    def deep_sleep(self, duration: int) -> None:
        """Nothing runs for that many ms, then the board starts again; never returns."""
        time.sleep_ms(duration // self._speed)
        reset.restart(self._folder, "deep_sleep")

    def memory_read(self) -> bytes:
        """What was written before the last deep sleep or reset; empty after a loss of power."""
        try:
            with open(self._folder + "/rtc_memory", "rb") as file:
                return file.read()
        except OSError:
            return b""

    def memory_write(self, octets: bytes) -> None:
        """Keep up to 2048 bytes over deep sleep and resets, at no cost to the flash."""
        with open(self._folder + "/rtc_memory", "wb") as file:
            file.write(octets)
