"""How is a dust sensor asked that speaks only when it is spoken to? PMS5003 and SDS011 differ in bytes and patience."""

from firmware.air.serial_line import ask


class OnRequest:
    """``part`` is its driver; ``quiet`` the request that stops it from talking by itself."""

    CLEAN_EVERY_S = CLEANING_MS = 0

    def __init__(self, uart, part, quiet: bytes) -> None:
        self._uart = uart
        self._part = part
        self._quiet = quiet
        self.raw = b""

    async def start(self) -> bool:
        await self._uart.exchange(self._part.WAKE, 0, 100)
        await self._uart.exchange(self._quiet, 0, 100)
        return True

    async def read(self) -> dict:
        part = self._part
        self.raw = await ask(self._uart, part.READ, part.finder(), part.is_measurement)
        return part.concentrations(self.raw)

    async def clean(self) -> None:
        """It can't."""

    async def rest(self) -> None:
        await self._uart.exchange(self._part.SLEEP, 0, 100)
