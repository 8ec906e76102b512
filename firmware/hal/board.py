"""What does an ESP32 know about itself: radio, time, memory, why it started? (No silicon has run this yet.)"""

import asyncio
import gc
import time

import machine
import network
import ntptime

from firmware.hal.pulses import Pulses
from firmware.hal.uart import Uart

# The chip counts seconds from 2000, the unix interpreter from 1970: ask, never assume.
_EPOCH_S = 946684800 if time.gmtime(0)[0] == 2000 else 0
_VALID_FROM_S = 1767225600  # 2026-01-01: a clock before this was never set
_SYNC_S = 3600
_RETRY_S = 10

_CAUSES = {
    machine.PWRON_RESET: "power_on",
    machine.HARD_RESET: "hard",
    machine.WDT_RESET: "watchdog",
    machine.DEEPSLEEP_RESET: "deep_sleep",
    machine.SOFT_RESET: "soft",
}


class Board:
    """``settings``: ``wifi`` {ssid, password}, ``ntp_host``, and per sensor name its pins."""

    def __init__(self, settings: dict) -> None:
        self._settings = settings
        self._station = network.WLAN(network.STA_IF)
        self._synced = False
        self._ticks = time.ticks_ms()
        self._elapsed = 0  # ms since the start; ticks wrap after 12 days

    async def start(self) -> None:
        """Return when the radio is connected and the clock has been asked for once; both are kept up."""
        wifi = self._settings["wifi"]
        self._station.active(True)
        self._station.connect(wifi["ssid"], wifi["password"])
        while not self._station.isconnected():
            await asyncio.sleep_ms(200)
        self._keeper = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        while True:
            self._synced = self._ask_for_time() or self._synced
            await asyncio.sleep(_SYNC_S if self._synced else _RETRY_S)

    def _ask_for_time(self) -> bool:
        ntptime.host = self._settings["ntp_host"]
        try:
            ntptime.settime()
        except OSError:
            return False  # asked again soon; the state tells that the clock is not valid
        return True

    def uart(self, name: str, baud: int) -> Uart:
        return Uart(self._settings[name], baud)

    def pulses(self, name: str) -> Pulses:
        return Pulses(self._settings[name], self.monotonic_ms)

    def monotonic_ms(self) -> int:
        """Milliseconds since the start; must be called more often than every six days (the loop does)."""
        now = time.ticks_ms()
        self._elapsed += time.ticks_diff(now, self._ticks)
        self._ticks = now
        return self._elapsed

    def now_ms(self) -> int | None:
        """Milliseconds since 1970 UTC, or None while the clock was never set."""
        now = time.time_ns() // 1000000 + _EPOCH_S * 1000
        return now if now >= _VALID_FROM_S * 1000 else None

    def clock_source(self) -> str:
        """One of the codes of the quantity ``clock``."""
        if self._synced:
            return "ntp"
        return "none" if self.now_ms() is None else "rtc"

    def reset_cause(self) -> str:
        return _CAUSES.get(machine.reset_cause(), "unknown")

    def heap_free(self) -> int:
        """Bytes of the interpreter's heap, after a collection."""
        gc.collect()
        return gc.mem_free()

    def watchdog(self, timeout_ms: int) -> machine.WDT:
        return machine.WDT(timeout=timeout_ms)
