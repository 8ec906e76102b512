"""How is an SHT4x asked for the climate?"""

from firmware.drivers import DriverError
from firmware.drivers import sht4x as part


class Sensor:
    """It needs no preparation."""

    STUCK_AFTER = 30

    def __init__(self, hal, name: str) -> None:
        self._bus = hal.i2c(name)
        self._sleep_ms = hal.sleep_ms
        self.raw = b""

    async def read(self) -> dict:
        if await self._bus.exchange(part.ADDRESS, part.MEASURE, 0) is None:
            raise DriverError("no_answer")
        await self._sleep_ms(part.PAUSE_MS)
        answer = await self._bus.exchange(part.ADDRESS, b"", part.SIZE)
        values = part.measurement(answer)
        self.raw = answer
        return values
