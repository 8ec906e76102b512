"""How is an SPS30 on an I2C bus asked for its dust?"""

from firmware.drivers import DriverError
from firmware.drivers import sps30 as part
from firmware.drivers import sps30_i2c as line

_PAUSE_MS = 20  # the sensor needs it between a command and the next; a repeated start it does not know


class Sensor:
    """As on a serial line; what it answers to a start does not tell whether it had been on."""

    WARM_UP_MS = part.WARM_UP_MS
    MEASURE_MS = 0
    CLEAN_EVERY_S = part.CLEAN_EVERY_S
    CLEANING_MS = part.CLEANING_MS
    LIFE_H = part.LIFE_H
    STUCK_AFTER = 30

    def __init__(self, hal, name: str) -> None:
        self._bus = hal.i2c(name)
        self._sleep_ms = hal.sleep_ms
        self.raw = b""

    async def start(self) -> bool:
        await self._tell(line.START)
        return True

    async def read(self) -> dict:
        await self._tell(line.IS_READY)
        if not line.is_ready(await self._bus.exchange(line.ADDRESS, b"", 3)):
            return {}
        await self._tell(line.READ)
        self.raw = line.data(await self._bus.exchange(line.ADDRESS, b"", line.SIZE))
        return part.concentrations(self.raw)

    async def clean(self) -> None:
        await self._tell(line.CLEAN)

    async def rest(self) -> None:
        await self._tell(line.STOP)

    async def _tell(self, command: bytes) -> None:
        if await self._bus.exchange(line.ADDRESS, command, 0) is None:
            raise DriverError("no_answer")
        await self._sleep_ms(_PAUSE_MS)
