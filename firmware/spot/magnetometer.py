"""Which magnetometer hangs on this bus, and what field does it measure now?

Modules are sold under the wrong name, so the chip says itself what it is: MMC5603, QMC5883P or QMC5883L, by address,
identity and a register that keeps what is written. Each has a module beside this one, with

- ``async find(registers)``: (whether it is this chip, whether anything answered);
- ``async measure(registers)``: ((x, y, z) in nT, degrees Celsius or None). Raises DriverError.

Only that of the chip that was found stays in the heap.
"""

from firmware.drivers import DriverError
from firmware.drivers.stuck import Stuck
from firmware.forgetting import forget, recall

_CHIPS = ("mmc5603", "qmc5883p", "qmc5883l")
_POLLS, _POLL_MS = 5, 10
_EQUAL = 20  # fields: the lowest bits of all three chips are noise


class Magnetometer:
    """``bus`` is an opened I2C bus, ``sleep_ms`` how to wait."""

    def __init__(self, bus, sleep_ms) -> None:
        self._registers = Registers(bus, sleep_ms)
        self._chip = None  # module of the one that was found
        self._stuck = Stuck(_EQUAL)

    async def measure(self) -> tuple:
        """Return ((x, y, z) in nT, degrees Celsius or None). Raises DriverError; then the chip is looked for again."""
        try:
            if self._chip is None:
                self._chip = await self._find()
            field, celsius = await self._chip.measure(self._registers)
        except DriverError:
            self._chip = None
            raise
        if self._stuck.is_stuck(field):
            raise DriverError("stuck")
        return field, celsius

    async def _find(self):
        answered = False
        for name in _CHIPS:
            chip = recall("spot." + name)
            is_chip, has_answered = await chip.find(self._registers)
            if is_chip:
                return chip
            answered = answered or has_answered
            forget("spot." + name, "drivers." + name)
        raise DriverError("wrong_chip" if answered else "no_answer")


class Registers:
    """The registers of one chip; ``address`` is set by who looks for it."""

    def __init__(self, bus, sleep_ms) -> None:
        self.address = 0
        self.sleep_ms = sleep_ms
        self._bus = bus

    async def write(self, request: bytes) -> None:
        """Raises DriverError when nobody answers."""
        if await self._bus.exchange(self.address, request, 0) is None:
            raise DriverError("no_answer")

    async def read(self, register: bytes, size: int) -> bytes | None:
        """None when nobody answers."""
        return await self._bus.exchange(self.address, register, size)

    async def ready(self, status: bytes, is_ready, settle_ms: int) -> None:
        """Wait until ``is_ready`` says so of the ``status`` register. Raises DriverError."""
        await self.sleep_ms(settle_ms)
        for _ in range(_POLLS):
            if is_ready(await self.read(status, 1)):
                return
            await self.sleep_ms(_POLL_MS)
        raise DriverError("not_ready")
