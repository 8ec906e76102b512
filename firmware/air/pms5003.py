"""How is a PMS5003 asked for its dust? In passive mode: it speaks when it is spoken to."""

from firmware.air.serial_line import ask
from firmware.drivers import pms5003 as part


class Sensor:
    """It measures all the time."""

    WARM_UP_MS = part.WARM_UP_MS
    MEASURE_MS = 0
    CLEAN_EVERY_S = CLEANING_MS = 0
    LIFE_H = part.LIFE_H
    STUCK_AFTER = 30  # its frames also count particles, which never stand still

    def __init__(self, hal, name: str) -> None:
        self._uart = hal.uart(name, part.BAUD)
        self.raw = b""

    async def start(self) -> bool:
        await self._uart.exchange(part.WAKE, 0, 100)
        await self._uart.exchange(part.PASSIVE, 0, 100)
        return True

    async def read(self) -> dict:
        self.raw = await ask(self._uart, part.READ, part.finder(), part.is_measurement)
        return part.concentrations(self.raw)

    async def clean(self) -> None:
        """It can't."""

    async def rest(self) -> None:
        await self._uart.exchange(part.SLEEP, 0, 100)
