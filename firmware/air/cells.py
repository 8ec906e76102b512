"""How much gas do the cells on the analogue inputs tell of? Two electrodes each, wired as ``no2_working`` and so on.

The electrodes' mean voltages are published as ``electrode_working.u1`` and ``electrode_auxiliary.u1``, with u1 to u4
for no2, o3, co and so2, so that a better formula can be applied later; the gas is computed from them where the
certificate's numbers and the temperature are known (``firmware/drivers/electrochemical.py``, algorithm 1).
"""

from firmware.drivers import DriverError
from firmware.drivers.electrochemical import GASES, LIFE_D, WARM_UP_MS, ppb, weight

_READINGS = 16  # of each electrode: the chip's converter is coarse and noisy


class Cells:
    """``wired``: the gases that ``hal`` has electrodes for; ``calibrations``: {gas: Cell}."""

    def __init__(self, hal, calibrations: dict, memory) -> None:
        self._calibrations = calibrations
        self._memory = memory
        self._counted_ms = 0  # until then the time under power is in the memory
        self._inputs = {}
        for gas in GASES:
            if hal.has(gas + "_working"):
                self._inputs[gas] = hal.analog(gas + "_working"), hal.analog(gas + "_auxiliary")
        for gas in calibrations:
            if gas not in self._inputs:
                raise ValueError(gas + "_working: not wired")
        self.wired = tuple(self._inputs)

    async def read(self, gas: str) -> dict:
        """{electrode: (uV, -3)}. Raises DriverError: no_answer."""
        values = {}
        for name, source in zip(_electrodes(gas), self._inputs[gas]):
            total = 0
            for _ in range(_READINGS):
                millivolt = await source.read_mv()
                if millivolt is None:
                    raise DriverError("no_answer")
                total += millivolt
            values[name] = total * 1000 // _READINGS, -3
        return values

    def compute(self, values: dict, suspect: set, now: int) -> bool:
        """Add each gas to the means of a period, (tenths of ug/m3, -1); whether the cells are still cold."""
        self._memory.gas_s += (now - self._counted_ms) // 1000
        self._counted_ms = now - (now - self._counted_ms) % 1000
        no2 = None
        for gas in self.wired:  # nitrogen dioxide first: ozone's cell sees it too
            cell, names = self._calibrations.get(gas), ("temperature",) + _electrodes(gas)
            if cell is None or any(name not in values for name in names) or (gas == "o3" and no2 is None):
                continue
            celsius, working, auxiliary = [_scaled(values[name], name == "temperature") for name in names]
            amount = ppb(gas, cell, working, auxiliary, celsius, no2 or 0)
            if gas == "no2":
                no2 = amount
            values[gas] = weight(gas, amount)
            is_doubtful = amount < 0 or any(name in suspect for name in names) or (gas == "o3" and "no2" in suspect)
            if now < WARM_UP_MS or is_doubtful:
                suspect.add(gas)
        return now < WARM_UP_MS

    def life_left_d(self) -> int:
        """Days under power."""
        return max(LIFE_D - self._memory.gas_s // 86400, 0)


def _electrodes(gas: str) -> tuple:
    unit = str(GASES.index(gas) + 1)
    return "electrode_working.u" + unit, "electrode_auxiliary.u" + unit


def _scaled(value: tuple, is_temperature: bool) -> int:
    """Hundredths of a degree, or microvolts."""
    integer, exponent = value
    while exponent < (-2 if is_temperature else -3):
        integer, exponent = (integer + 5) // 10, exponent + 1
    return integer
