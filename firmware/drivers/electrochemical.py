"""How much gas do an electrochemical cell's two electrodes tell of? Alphasense B4 cells on their sensor board.

Algorithm 1 of Alphasense's application note AAN 803-05: ``WEc = (WE - WE0) - nT * (AE - AE0)``; the gas is WEc over
the sensitivity. WE0 and AE0 are the electronic zeros on the board's certificate, nT comes from the note's table 3 by
temperature. The cell for ozone sees nitrogen dioxide as well, so that is taken off. ALGORITHM names all of this:
another table, another formula, another number. Whole numbers throughout. Such a cell is indicative: it drifts, and
lives about two years.
"""

ALGORITHM = 1
GASES = ("no2", "o3", "co", "so2")
WARM_UP_MS = 7200000  # two hours under power; a new cell takes days
LIFE_D = 730
# nT in tenths at -30, -20 … 50 degrees: NO2-B43F, OX-B431, CO-B4, SO2-B4. The note's table as four open programs
# quote it alike; the note itself was not at hand.
_TABLE = {
    "no2": (13, 13, 13, 13, 10, 6, 4, 2, -15),
    "o3": (9, 9, 10, 13, 15, 17, 20, 25, 37),
    "co": (7, 7, 7, 7, 10, 30, 35, 40, 45),
    "so2": (16, 16, 16, 16, 16, 16, 19, 30, 58),
}
# ug/m3 in 1 ppb, in ten-thousandths, at 293 K and 101.3 kPa as Directive 2008/50/EC wants it: molar mass / 24.055 L
_WEIGHT = {"no2": 19125, "o3": 19954, "co": 11644, "so2": 26632}
_COLDEST, _WARMEST, _STEP = -3000, 5000, 1000  # hundredths of a degree


class Cell:
    """What the certificate says: zeros in mV, sensitivities in nA/ppm (the same in pA/ppb), the board's uV/nA."""

    def __init__(
        self, working_zero: int, auxiliary_zero: int, sensitivity: int, gain: int, no2_sensitivity: int = 0
    ) -> None:
        self.working_zero = working_zero
        self.auxiliary_zero = auxiliary_zero
        self.nanovolt_per_ppb = sensitivity * gain
        self.nanovolt_per_no2 = no2_sensitivity * gain


def factor(gas: str, temperature: int) -> int:
    """NT in ten-thousandths, between the table's steps in a straight line, at hundredths of a degree."""
    table = _TABLE[gas]
    above = min(max(temperature, _COLDEST), _WARMEST) - _COLDEST
    step, rest = min(above // _STEP, len(table) - 2), 0
    rest = above - step * _STEP
    return table[step] * (_STEP - rest) + table[step + 1] * rest


def ppb(gas: str, cell: Cell, working: int, auxiliary: int, temperature: int, no2: int = 0) -> int:
    """Hundredths of ppb from uV, uV, hundredths of a degree and, for ozone, hundredths of ppb of NO2."""
    background = factor(gas, temperature) * (auxiliary - cell.auxiliary_zero * 1000) // 10
    nanovolt = (working - cell.working_zero * 1000) * 1000 - background
    return (nanovolt * 100 - cell.nanovolt_per_no2 * no2) // cell.nanovolt_per_ppb


def weight(gas: str, hundredths: int) -> tuple:
    """(tenths of ug/m3, -1) of hundredths of ppb."""
    return (hundredths * _WEIGHT[gas] + 50000) // 100000, -1
