"""How is an SPS30 on a serial line asked for its dust?"""

from firmware.air.serial_line import ask
from firmware.drivers import DriverError, shdlc
from firmware.drivers import sps30 as part


def _any(_frame: bytes) -> bool:
    return True


class Sensor:
    """It measures all the time: its laser lives ten years."""

    WARM_UP_MS = part.WARM_UP_MS
    MEASURE_MS = 0
    CLEAN_EVERY_S = part.CLEAN_EVERY_S
    CLEANING_MS = part.CLEANING_MS
    LIFE_H = part.LIFE_H
    STUCK_AFTER = 30

    def __init__(self, hal, name: str) -> None:
        self._uart = hal.uart(name, part.BAUD)
        self.raw = b""

    async def start(self) -> bool:
        try:
            await self._ask(part.REQUEST_START, part.START)
        except DriverError as error:
            if str(error) == "not_measuring":  # it can't be started twice
                return False
            raise
        return True

    async def read(self) -> dict:
        self.raw = await self._ask(part.REQUEST_READ, part.READ)
        return part.concentrations(self.raw) if self.raw else {}

    async def clean(self) -> None:
        await self._ask(part.REQUEST_CLEAN, part.CLEAN)

    async def rest(self) -> None:
        await self._ask(part.REQUEST_STOP, part.STOP)

    async def _ask(self, request: bytes, command: int) -> bytes:
        return shdlc.answer(await ask(self._uart, request, shdlc.finder(), _any), command)
