"""How is an SCD41 asked for CO2? It measures by itself every five seconds, once it was told to."""

from firmware.drivers import DriverError
from firmware.drivers import scd41 as part

_PATIENCE_MS = 20000  # without a new measurement, before it is started again


class Sensor:
    """What it measures in its first ten seconds is thrown away."""

    STUCK_AFTER = 30

    def __init__(self, hal, name: str) -> None:
        self._bus = hal.i2c(name)
        self._hal = hal
        self._is_on = False
        self._started_ms = 0
        self._silent_ms = None  # since when it has not measured, as far as it was asked
        self.pressure = 0  # hPa, told to it before each question once it is known
        self.raw = b""

    async def read(self) -> dict:
        now = self._hal.monotonic_ms()
        if not self._is_on:
            await self._start()
        elif self._silent_ms is not None and now - self._silent_ms > _PATIENCE_MS:
            self._is_on = False
            raise DriverError("not_ready")
        if self._silent_ms is None:
            self._silent_ms = now
        if self.pressure:
            await self._tell(part.pressure(self.pressure))
        if not part.is_ready(await self._ask(part.IS_READY, 3)):
            return {}
        answer = await self._ask(part.READ, part.READ_SIZE)
        co2 = part.measurement(answer)["co2"]
        self.raw = answer
        self._silent_ms = None
        return {"co2": co2} if now - self._started_ms >= part.WARM_UP_MS else {}

    async def _start(self) -> None:
        """A sensor that measures already hears nothing but the command to stop."""
        await self._bus.exchange(part.ADDRESS, part.STOP, 0)
        await self._hal.sleep_ms(part.STOP_MS)
        await self._tell(part.START)
        self._is_on, self._silent_ms = True, None
        self._started_ms = self._hal.monotonic_ms()

    async def _tell(self, command: bytes) -> None:
        if await self._bus.exchange(part.ADDRESS, command, 0) is None:
            raise DriverError("no_answer")
        await self._hal.sleep_ms(part.PAUSE_MS)

    async def _ask(self, command: bytes, size: int):
        await self._tell(command)
        return await self._bus.exchange(part.ADDRESS, b"", size)
