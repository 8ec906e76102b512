"""How is a BME280 asked for the climate? Or the BMP280 that was sold as one, which has no humidity."""

from firmware.drivers import DriverError
from firmware.drivers import bme280 as part

_TRIES = 5


class Sensor:
    """Reads the factory's trim once, and again after the chip was away."""

    STUCK_AFTER = 30

    def __init__(self, hal, name: str) -> None:
        self._bus = hal.i2c(name)
        self._sleep_ms = hal.sleep_ms
        self._address = part.ADDRESSES[0]
        self._trim = ()
        self._humid = False
        self.raw = b""

    async def read(self) -> dict:
        try:
            if not self._trim:
                await self._find()
            return await self._measure()
        except DriverError:
            self._trim = ()
            raise

    async def _find(self) -> None:
        octets = None
        for address in part.ADDRESSES:
            octets = await self._bus.exchange(address, part.ID, 1)
            if octets is not None:
                self._address = address
                break
        self._humid = part.has_humidity(octets)
        low = await self._bus.exchange(self._address, part.TRIM, part.TRIM_SIZE)
        high = await self._bus.exchange(self._address, part.TRIM_HUMIDITY, part.TRIM_HUMIDITY_SIZE)
        self._trim = part.trim(low, high)

    async def _measure(self) -> dict:
        for setting in part.MEASURE:
            if await self._bus.exchange(self._address, setting, 0) is None:
                raise DriverError("no_answer")
        for _ in range(_TRIES):
            await self._sleep_ms(part.PAUSE_MS)
            if not part.is_measuring(await self._bus.exchange(self._address, part.STATUS, 1)):
                break
        answer = await self._bus.exchange(self._address, part.RAW, part.RAW_SIZE)
        values = part.measurement(self._trim, answer, self._humid)
        self.raw = answer
        return values
