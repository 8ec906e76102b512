"""Which voltages does an electrochemical cell's board give at a concentration? The certificate, turned around."""

import random
from bisect import bisect_right
from typing import NamedTuple

_STEPS = (-30, -20, -10, 0, 10, 20, 30, 40, 50)
# nT of algorithm 1, AAN 803-05 table 3, as open programs quote it
_FACTORS = {
    "no2": (1.3, 1.3, 1.3, 1.3, 1.0, 0.6, 0.4, 0.2, -1.5),
    "o3": (0.9, 0.9, 1.0, 1.3, 1.5, 1.7, 2.0, 2.5, 3.7),
    "co": (0.7, 0.7, 0.7, 0.7, 1.0, 3.0, 3.5, 4.0, 4.5),
    "so2": (1.6, 1.6, 1.6, 1.6, 1.6, 1.6, 1.9, 3.0, 5.8),
}


class Certificate(NamedTuple):
    """mV, nA/ppm and mV/nA."""

    working_zero: float
    auxiliary_zero: float
    sensitivity: float
    gain: float


def factor(gas: str, celsius: float) -> float:
    place = min(max(bisect_right(_STEPS, celsius) - 1, 0), len(_STEPS) - 2)
    share = min(max((celsius - _STEPS[place]) / 10, 0), 1)
    return _FACTORS[gas][place] * (1 - share) + _FACTORS[gas][place + 1] * share


def working(gas: str, certificate: Certificate, ppb: float, auxiliary: float, celsius: float) -> float:
    """Millivolts of the working electrode, given those of the auxiliary one."""
    background = factor(gas, celsius) * (auxiliary - certificate.auxiliary_zero)
    return certificate.working_zero + background + ppb / 1000 * certificate.sensitivity * certificate.gain


def converted(millivolt: float, chance: random.Random) -> int:
    """Whole millivolts of a converter whose noise is a little more than its step."""
    return round(millivolt + chance.gauss(0, 0.7))
