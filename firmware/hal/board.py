"""What does an ESP32 know about itself: radio, time, memory, why it started? (No silicon has run this yet.)"""

import asyncio
import gc
import time

import esp32
import machine
import network

from firmware import BUILT_S
from firmware.sntp import ask

# The chip counts seconds from 2000, the unix interpreter from 1970: ask, never assume.
_EPOCH_S = 946684800 if time.gmtime(0)[0] == 2000 else 0
_SYNC_S = 3600
_RETRY_S = 10
_NOT_SENSORS = ("wifi", "ntp_host")

_CAUSES = {
    machine.PWRON_RESET: "power_on",
    machine.HARD_RESET: "hard",
    machine.WDT_RESET: "watchdog",
    machine.DEEPSLEEP_RESET: "deep_sleep",
    machine.SOFT_RESET: "soft",
}


class Board:
    """``settings``: ``wifi`` {ssid, password}, ``ntp_host``, and per sensor name its pins."""

    def __init__(self, settings: dict, _folder: str) -> None:
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
            now = await ask(self._settings["ntp_host"])
            if now is not None:
                _set_clock(now)
                self._synced = True
            await asyncio.sleep(_SYNC_S if now is not None else _RETRY_S)

    # ---- what is wired. A part that is not wired is not loaded.

    def has(self, name: str) -> bool:
        """Whether node.json wires something of this name."""
        return name in self._settings and name not in _NOT_SENSORS

    def uart(self, name: str, baud: int):
        from firmware.hal.uart import Uart

        return Uart(self._settings[name], baud)

    def i2c(self, name: str):
        from firmware.hal.i2c import I2c

        return I2c(self._settings[name])

    def pulses(self, name: str):
        from firmware.hal.pulses import Pulses

        return Pulses(self._settings[name], self.monotonic_ms)

    def input(self, name: str):
        from firmware.hal.pins import Input

        return Input(self._settings[name])

    def output(self, name: str):
        from firmware.hal.pins import Output

        return Output(self._settings[name])

    def analog(self, name: str):
        from firmware.hal.pins import Analog

        return Analog(self._settings[name])

    def microphone(self, name: str, rate: int):
        from firmware.hal.microphone import Microphone

        return Microphone(self._settings[name], rate)

    # ---- time

    def monotonic_ms(self) -> int:
        """Milliseconds since the start; must be called more often than every six days (the loop does)."""
        now = time.ticks_ms()
        self._elapsed += time.ticks_diff(now, self._ticks)
        self._ticks = now
        return self._elapsed

    def now_ms(self) -> int | None:
        """Milliseconds since 1970 UTC, or None while the clock was never set."""
        now = time.time_ns() // 1000000 + _EPOCH_S * 1000
        return now if now >= BUILT_S * 1000 else None

    async def sleep_ms(self, duration: int) -> None:
        await asyncio.sleep_ms(duration)

    def clock_source(self) -> str:
        """One of the codes of the quantity ``clock``."""
        if self._synced:
            return "ntp"
        return "none" if self.now_ms() is None else "rtc"

    # ---- the chip

    def reset_cause(self) -> str:
        return _CAUSES.get(machine.reset_cause(), "unknown")

    def heap_free(self) -> int:
        """Bytes of the interpreter's heap, after a collection."""
        gc.collect()
        return gc.mem_free()

    def largest_block(self) -> int | None:
        """Bytes of the largest free piece of the heap that TLS and the radio use."""
        return max([region[2] for region in esp32.idf_heap_info(esp32.HEAP_DATA)])

    def signal_strength(self) -> int | None:
        """Of the access point, in dBm."""
        try:
            return self._station.status("rssi")
        except OSError:
            return None

    def watchdog(self, timeout_ms: int) -> machine.WDT:
        return machine.WDT(timeout=timeout_ms)

    def restart(self) -> None:
        """Start again at once; never returns."""
        machine.reset()

    def deep_sleep(self, duration: int) -> None:
        """Nothing runs for that many ms, then the chip starts again; never returns."""
        machine.deepsleep(duration)

    def memory_read(self) -> bytes:
        """What was written before the last deep sleep or reset; empty after a loss of power."""
        return machine.RTC().memory()

    def memory_write(self, octets: bytes) -> None:
        """Keep up to 2048 bytes over deep sleep and resets, at no cost to the flash."""
        machine.RTC().memory(octets)


def _set_clock(now_ms: int) -> None:
    parts = time.gmtime(now_ms // 1000 - _EPOCH_S)
    year, month, day, hour, minute, second, weekday = parts[:7]
    machine.RTC().datetime((year, month, day, weekday, hour, minute, second, now_ms % 1000 * 1000))
