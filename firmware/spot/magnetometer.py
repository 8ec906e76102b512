"""Which magnetometer hangs on this bus, and what field does it measure now?

Modules are sold under the wrong name, so the chip says itself what it is: MMC5603, QMC5883P or QMC5883L, by address,
identity and a register that keeps what is written.
"""

from firmware.drivers import DriverError, mmc5603, qmc5883l, qmc5883p
from firmware.drivers.stuck import Stuck

_POLLS, _POLL_MS = 5, 10
_EQUAL = 20  # fields: the lowest bits of all three chips are noise


class Magnetometer:
    """``bus`` is an opened I2C bus, ``sleep_ms`` how to wait."""

    def __init__(self, bus, sleep_ms) -> None:
        self._bus = bus
        self._sleep_ms = sleep_ms
        self._measure = None  # of the chip that was found
        self._stuck = Stuck(_EQUAL)

    async def measure(self) -> tuple:
        """Return ((x, y, z) in nT, degrees Celsius or None). Raises DriverError; then the chip is looked for again."""
        try:
            if self._measure is None:
                self._measure = await self._find()
            field, celsius = await self._measure()
        except DriverError:
            self._measure = None
            raise
        if self._stuck.is_stuck(field):
            raise DriverError("stuck")
        return field, celsius

    async def _find(self):
        answered = False
        for address, register, is_chip, measure in (
            (mmc5603.ADDRESS, mmc5603.IDENTITY, mmc5603.is_chip, self._mmc5603),
            (qmc5883p.ADDRESS, qmc5883p.IDENTITY, qmc5883p.is_chip, self._qmc5883p),
        ):
            identity = await self._bus.exchange(address, register, 1)
            answered = answered or identity is not None
            if is_chip(identity):
                return measure
        if await self._is_qmc5883l():
            return self._qmc5883l
        raise DriverError("wrong_chip" if answered else "no_answer")

    async def _is_qmc5883l(self) -> bool:
        if await self._bus.exchange(qmc5883l.ADDRESS, qmc5883l.STANDBY, 0) is None:
            return False
        identity = await self._bus.exchange(qmc5883l.ADDRESS, qmc5883l.IDENTITY, 1)
        kept = await self._bus.exchange(qmc5883l.ADDRESS, bytes((qmc5883l.CONTROL,)), 1)
        if not qmc5883l.is_chip(identity, kept):
            raise DriverError("wrong_chip")
        return True

    # ---- one measurement of each

    async def _mmc5603(self) -> tuple:
        write, read = self._writer(mmc5603.ADDRESS), self._reader(mmc5603.ADDRESS)
        await write(mmc5603.MEASURE_TEMPERATURE)
        await self._ready(read, mmc5603.STATUS, self._temperature_is_ready, mmc5603.SETTLE_MS)
        celsius = mmc5603.temperature_c(await read(mmc5603.TEMPERATURE, 1))
        counts = []
        for coil in (mmc5603.SET, mmc5603.RESET):
            await write(coil)
            await self._sleep_ms(mmc5603.COIL_MS)
            await write(mmc5603.MEASURE)
            await self._ready(read, mmc5603.STATUS, self._field_is_ready, mmc5603.SETTLE_MS)
            counts.append(mmc5603.counts(await read(mmc5603.DATA, mmc5603.DATA_SIZE)))
        return mmc5603.field_nt(counts[0], counts[1]), celsius

    async def _qmc5883l(self) -> tuple:
        write, read = self._writer(qmc5883l.ADDRESS), self._reader(qmc5883l.ADDRESS)
        await write(qmc5883l.SET_RESET_PERIOD)
        await write(qmc5883l.MEASURE)
        await self._ready(read, qmc5883l.STATUS, qmc5883l.is_ready, qmc5883l.SETTLE_MS)
        field = qmc5883l.field_nt(await read(qmc5883l.DATA, qmc5883l.DATA_SIZE))
        celsius = qmc5883l.temperature_c(await read(qmc5883l.TEMPERATURE, 2))
        await write(qmc5883l.STANDBY)
        return field, celsius

    async def _qmc5883p(self) -> tuple:
        write, read = self._writer(qmc5883p.ADDRESS), self._reader(qmc5883p.ADDRESS)
        for request in (qmc5883p.AXES, qmc5883p.RANGE, qmc5883p.MEASURE):
            await write(request)
        await self._ready(read, qmc5883p.STATUS, qmc5883p.is_ready, qmc5883p.SETTLE_MS)
        field = qmc5883p.field_nt(await read(qmc5883p.DATA, qmc5883p.DATA_SIZE))
        await write(qmc5883p.STANDBY)
        return field, None

    def _temperature_is_ready(self, status: bytes | None) -> bool:
        return mmc5603.is_ready(status, mmc5603.TEMPERATURE_DONE)

    def _field_is_ready(self, status: bytes | None) -> bool:
        return mmc5603.is_ready(status, mmc5603.FIELD_DONE)

    # ---- the bus

    def _writer(self, address: int):
        async def write(request: bytes) -> None:
            if await self._bus.exchange(address, request, 0) is None:
                raise DriverError("no_answer")

        return write

    def _reader(self, address: int):
        async def read(register: bytes, size: int) -> bytes | None:
            return await self._bus.exchange(address, register, size)

        return read

    async def _ready(self, read, register: bytes, is_ready, settle_ms: int) -> None:
        await self._sleep_ms(settle_ms)
        for _ in range(_POLLS):
            if is_ready(await read(register, 1)):
                return
            await self._sleep_ms(_POLL_MS)
        raise DriverError("not_ready")
