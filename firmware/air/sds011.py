"""How is an SDS011 asked for its dust? It sleeps most of each period, for its laser's sake."""

from firmware.air.serial_line import ask
from firmware.drivers import sds011 as part


class Sensor:
    """Awake for half a minute of warming up and half a minute of measuring, at the end of each period."""

    WARM_UP_MS = part.WARM_UP_MS
    MEASURE_MS = part.MEASURE_MS
    CLEAN_EVERY_S = CLEANING_MS = 0
    LIFE_H = part.LIFE_H
    STUCK_AFTER = 360  # two numbers in tenths: in clean air they may well stay

    def __init__(self, hal, name: str) -> None:
        self._uart = hal.uart(name, part.BAUD)
        self.raw = b""

    async def start(self) -> bool:
        await self._uart.exchange(part.WAKE, 0, 100)
        await self._uart.exchange(part.ON_REQUEST, 0, 100)
        return True

    async def read(self) -> dict:
        self.raw = await ask(self._uart, part.READ, part.finder(), part.is_measurement)
        return part.concentrations(self.raw)

    async def clean(self) -> None:
        """It can't."""

    async def rest(self) -> None:
        await self._uart.exchange(part.SLEEP, 0, 100)
