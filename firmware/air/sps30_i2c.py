"""How is an SPS30 on an I2C bus asked for its dust?"""

from firmware.drivers import DriverError
from firmware.drivers import sps30 as part

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
        await self._tell(part.I2C_START)
        return True

    async def read(self) -> dict:
        await self._tell(part.I2C_IS_READY)
        if not part.i2c_is_ready(await self._bus.exchange(part.ADDRESS, b"", 3)):
            return {}
        await self._tell(part.I2C_READ)
        self.raw = part.i2c_data(await self._bus.exchange(part.ADDRESS, b"", part.I2C_SIZE))
        return part.concentrations(self.raw)

    async def clean(self) -> None:
        await self._tell(part.I2C_CLEAN)

    async def rest(self) -> None:
        await self._tell(part.I2C_STOP)

    async def _tell(self, command: bytes) -> None:
        if await self._bus.exchange(part.ADDRESS, command, 0) is None:
            raise DriverError("no_answer")
        await self._sleep_ms(_PAUSE_MS)
