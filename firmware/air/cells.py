"""How much gas do the cells on the analogue inputs tell of? Two electrodes each, wired as ``no2_working`` and so on.

The electrodes' mean voltages are published as ``electrode_working.u1`` and ``electrode_auxiliary.u1``, with u1 to u4
for no2, o3, co and so2, so that a better formula can be applied later; the gas is computed from them where the
certificate's numbers and the temperature are known (``firmware/drivers/electrochemical.py``, algorithm 1).
"""

from firmware.drivers import DriverError
from firmware.drivers.electrochemical import GASES, Cell, ppb, weight
from firmware.settings import SettingsError, between, check, table

_READINGS = 16  # of each electrode: the chip's converter is coarse and noisy
_CERTIFICATE = {
    "working_zero": between(-1000, 5000),
    "auxiliary_zero": between(-1000, 5000),
    "sensitivity": between(-5000, 5000),
    "gain": between(-10000, 10000),
}


def certificates(key: str, value) -> dict:
    """{"no2": {"working_zero": 225, …}}: mV, nA/ppm and uV/nA; o3 also has ``no2_sensitivity``. Returns {gas: Cell}."""
    cells = {}
    for gas, given in table(key, value).items():
        if gas not in GASES:
            raise SettingsError(key + "." + gas + ": expected one of " + " ".join(GASES))
        path = key + "." + gas + "."
        keys = dict(_CERTIFICATE)
        if gas == "o3":
            keys["no2_sensitivity"] = _CERTIFICATE["sensitivity"]
        for name in table(path[:-1], given):
            if name not in keys:
                raise SettingsError(path + name + ": unknown key")
        found = check(path, given, keys)
        if not found["sensitivity"] * found["gain"] > 0:
            raise SettingsError(path + "sensitivity: expected the sign of the gain")
        cells[gas] = Cell(**found)
    if "o3" in cells and "no2" not in cells:
        raise SettingsError(key + ".no2: missing, and o3 can't be told without it")
    return cells


class Cells:
    """``wired``: the gases that ``hal`` has electrodes for."""

    def __init__(self, hal, calibrations: dict) -> None:
        self._calibrations = calibrations
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
        for name, source in zip(("electrode_working", "electrode_auxiliary"), self._inputs[gas]):
            total = 0
            for _ in range(_READINGS):
                millivolt = await source.read_mv()
                if millivolt is None:
                    raise DriverError("no_answer")
                total += millivolt
            values[electrode(name, gas)] = total * 1000 // _READINGS, -3
        return values

    def grounds(self, gas: str) -> set:
        """What a gas is computed from: one of them suspect makes it suspect."""
        return _grounds(gas) | _grounds("no2") if gas == "o3" else _grounds(gas)

    def gases(self, means: dict) -> dict:
        """{gas: (tenths of ug/m3, -1)} of the means of a period, as far as they have what it takes."""
        if "temperature" not in means:
            return {}
        temperature = _scaled(means["temperature"], -2)
        no2, found = None, {}
        for gas in self.wired:  # nitrogen dioxide first: ozone's cell sees it too
            cell = self._calibrations.get(gas)
            working = means.get(electrode("electrode_working", gas))
            if cell is None or working is None or (gas == "o3" and no2 is None):
                continue
            auxiliary = means[electrode("electrode_auxiliary", gas)]
            amount = ppb(gas, cell, _scaled(working, -3), _scaled(auxiliary, -3), temperature, no2 or 0)
            if gas == "no2":
                no2 = amount
            found[gas] = weight(gas, amount)
        return found


def _grounds(gas: str) -> set:
    return {"temperature", electrode("electrode_working", gas), electrode("electrode_auxiliary", gas)}


def electrode(name: str, gas: str) -> str:
    return name + ".u" + str(GASES.index(gas) + 1)


def _scaled(value: tuple, exponent: int) -> int:
    """The whole number at a coarser exponent."""
    integer, own = value
    while own < exponent:
        integer, own = (integer + 5) // 10, own + 1
    return integer
