"""How far does a VL53L1X on this bus see now? The conversation: find it, set it up once, one measurement per call."""

from firmware.drivers import DriverError, vl53l1x
from firmware.drivers.stuck import Stuck

_POLLS, _POLL_MS = 10, 10
_EQUAL = 2  # its count of measurements moves with each


class TimeOfFlight:
    """``bus`` is an opened I2C bus, ``sleep_ms`` how to wait."""

    def __init__(self, bus, sleep_ms) -> None:
        self._bus = bus
        self._sleep_ms = sleep_ms
        self._is_set_up = False
        self._stuck = Stuck(_EQUAL)

    async def measure(self) -> vl53l1x.Range:
        """Raises DriverError; what is no answer from the chip at all lets it be set up again next time."""
        if not self._is_set_up:
            await self._set_up()
        try:
            result = await self._once()
        except DriverError:
            self._is_set_up = False
            raise
        measured = vl53l1x.measured(result)
        if self._stuck.is_stuck(measured.stream):
            raise DriverError("stuck")
        return measured

    async def _set_up(self) -> None:
        identity = await self._bus.exchange(vl53l1x.ADDRESS, vl53l1x.IDENTITY, vl53l1x.IDENTITY_SIZE)
        if identity is None:
            raise DriverError("no_answer")
        if not vl53l1x.is_chip(identity):
            raise DriverError("wrong_chip")
        booted = await self._bus.exchange(vl53l1x.ADDRESS, vl53l1x.BOOTED, 1)
        if not booted or not booted[0] & 1:
            raise DriverError("not_ready")
        await self._write(vl53l1x.DEFAULTS)
        await self._once()  # the reference search of the first measurement: its result is thrown away
        for request in vl53l1x.AFTER_FIRST:
            await self._write(request)
        self._is_set_up = True

    async def _once(self) -> bytes | None:
        await self._write(vl53l1x.START)
        await self._sleep_ms(vl53l1x.MEASURE_MS)
        for _ in range(_POLLS):
            ready = await self._bus.exchange(vl53l1x.ADDRESS, vl53l1x.READY, 1)
            if ready and ready[0] & 1:
                break
            await self._sleep_ms(_POLL_MS)
        else:
            raise DriverError("not_ready")
        result = await self._bus.exchange(vl53l1x.ADDRESS, vl53l1x.RESULT, vl53l1x.RESULT_SIZE)
        await self._write(vl53l1x.CLEAR)
        await self._write(vl53l1x.STOP)
        return result

    async def _write(self, request: bytes) -> None:
        if await self._bus.exchange(vl53l1x.ADDRESS, request, 0) is None:
            raise DriverError("no_answer")
