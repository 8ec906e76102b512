"""Are the certificates of electrochemical cells in node.json right?"""

from firmware.drivers.electrochemical import GASES, Cell
from firmware.settings import SettingsError, between, check, table


def certificates(key: str, value) -> dict:
    """{"no2": {"working_zero": 225, …}}: mV, nA/ppm and uV/nA; o3 also has ``no2_sensitivity``. Returns {gas: Cell}."""
    cells = {}
    for gas, given in table(key, value).items():
        if gas not in GASES:
            raise SettingsError(key + "." + gas + ": expected one of " + " ".join(GASES))
        cells[gas] = _cell(key + "." + gas, table(key + "." + gas, given), gas == "o3")
    if "o3" in cells and "no2" not in cells:
        raise SettingsError(key + ".no2: missing, and o3 can't be told without it")
    return cells


def _cell(path: str, given: dict, sees_no2: bool) -> Cell:
    sensitivity = between(-5000, 5000)
    keys = {"working_zero": between(-1000, 5000), "auxiliary_zero": between(-1000, 5000)}
    keys["sensitivity"] = sensitivity
    keys["gain"] = between(-10000, 10000)
    if sees_no2:
        keys["no2_sensitivity"] = sensitivity
    for name in given:
        if name not in keys:
            raise SettingsError(path + "." + name + ": unknown key")
    found = check(path + ".", given, keys)
    if not found["sensitivity"] * found["gain"] > 0:
        raise SettingsError(path + ".sensitivity: expected the sign of the gain")
    return Cell(**found)
