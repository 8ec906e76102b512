"""Which quantity of the city is a record, and under which key does it travel?

The key carries every qualifier of the record. Records that still share one are told apart by the meter's manual only,
so none of them is published; neither is what has no quantity here.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from edge.mbus.record import Record
from edge.mbus.telegram import Telegram
from edge.mbus.value import Number
from firmware.quantities import QUANTITIES
from firmware.wire_json import fits

_WATER = ("warm_water", "water", "hot_water", "cold_water", "dual_water")
_HEAT = ("heat_outlet", "heat_inlet", "heat_cooling")
_COOLING = ("cooling_outlet", "cooling_inlet")

# (measurand, unit, media it is so for; none = every medium): quantity
_GENERIC: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    ("volume", "m3", _WATER, "water_volume"),
    ("volume", "m3", ("gas",), "gas_volume"),
    ("volume", "m3", (), "volume"),
    ("volume_flow", "", _WATER, "water_flow"),
    ("volume_flow", "", (), "volume_flow"),
    ("mass", "kg", (), "mass"),
    ("mass_flow", "kg/h", (), "mass_flow"),
    ("energy", "Wh", _HEAT, "heat_energy"),
    ("energy", "J", _HEAT, "heat_energy_gj"),
    ("energy", "Wh", _COOLING, "cooling_energy"),
    ("energy", "J", _COOLING, "cooling_energy_gj"),
    ("energy", "Wh", ("electricity",), "active_energy_import"),
    ("power", "W", (*_HEAT, *_COOLING), "heat_power"),
    ("power", "W", ("electricity",), "active_power"),
    ("voltage", "V", (), "voltage"),
    ("current", "A", (), "current"),
    ("frequency", "Hz", (), "frequency"),
    ("flow_temperature", "Cel", (), "flow_temperature"),
    ("return_temperature", "Cel", (), "return_temperature"),
    ("temperature_difference", "K", (), "temperature_difference"),
    ("external_temperature", "Cel", (), "temperature"),
    ("relative_humidity", "%", (), "relative_humidity"),
    ("pressure", "bar", (), "pressure"),
    ("operating_time", "", (), "operating_time"),
    ("heat_cost_units", "", (), "heat_cost_units"),
    ("error_flags", "", (), "error_flags"),
)

# (unit of the record, unit of the quantity): (whole factor, power of ten)
_CONVERSIONS = {
    ("Wh", "kW.h"): (1, -3),
    ("J", "GJ"): (1, -9),
    ("W", "kW"): (1, -3),
    ("m3/min", "m3/h"): (60, 0),
    ("m3/s", "m3/h"): (3600, 0),
    ("d", "h"): (24, 0),
    ("", "1"): (1, 0),
}
_QUALIFYING = ("l1", "l2", "l3", "reverse")  # modifiers that the grammar of keys has a word for


class Rule(NamedTuple):
    """A record that fits every field given is this quantity; None fits all, "" among the units too."""

    quantity: str
    vif: str
    storage: int | None = None
    tariff: int | None = None
    subunit: int | None = None
    function: str | None = None
    modifiers: tuple[str, ...] | None = None


Values = dict[str, tuple[int, int] | int | str]  # by key, as the contract takes them: numbers exact, flags, codes


def values_of(telegrams: Iterable[Telegram], rules: Iterable[Rule] = ()) -> Values:
    """Numbers and flags of a readout by key; ``rules`` of a profile replace the generic table."""
    chosen = tuple(rules)
    values: Values = {}
    ambiguous = set()
    for telegram in telegrams:
        for record in telegram.records:
            quantity = _by_rule(record, chosen) if chosen else _generic(record, telegram.medium)
            if quantity is None or not isinstance(record.value, Number):
                continue
            unit, kind = QUANTITIES[quantity][:2]
            number = converted(record.value, record.measurand.unit, unit)
            key = key_of(quantity, record)
            if number is None or key is None:
                continue
            if key in values:
                ambiguous.add(key)
            elif kind != "flags":
                values[key] = number
            elif number[0] >= 0 and number[1] == 0:
                values[key] = number[0]
    return {key: value for key, value in values.items() if key not in ambiguous}


def status_of(status: int) -> str:
    """The city's word for the status byte (EN 13757-3 5.5): bits 0-1 application, 2 power low, 3 permanent error."""
    if status & 0x08:
        return "fault"
    if status & 0x03 == 0x03:
        return "alarm"
    return "warning" if status else "ok"


def key_of(quantity: str, record: Record) -> str | None:
    """``heat_energy.t1.s2``; None when the record carries something that no key can say."""
    if record.function == "error" or any(word not in _QUALIFYING for word in record.modifiers):
        return None
    phases = [word for word in record.modifiers if word != "reverse"]
    if len(phases) > 1:
        return None
    parts = [quantity, *phases]
    for letter, number in (("t", record.tariff), ("u", record.subunit), ("s", record.storage)):
        if number:
            parts.append(f"{letter}{number}")
    if "reverse" in record.modifiers:
        parts.append("reverse")
    if record.function != "instantaneous":
        parts.append(record.function[:3])
    return ".".join(parts)


def converted(number: Number, unit: str, target: str) -> tuple[int, int] | None:
    """The number in the quantity's unit, exactly; None when that is not possible or takes more than 15 digits."""
    if unit == target:
        factor, power = 1, 0
    elif (unit, target) in _CONVERSIONS:
        factor, power = _CONVERSIONS[unit, target]
    else:
        return None
    integer, exponent = number.integer * factor, number.exponent + power
    return (integer, exponent) if fits(integer, exponent) else None


def _generic(record: Record, medium: str) -> str | None:
    for name, unit, media, quantity in _GENERIC:
        if record.measurand.name == name and unit in ("", record.measurand.unit) and (not media or medium in media):
            return quantity
    return None


def _by_rule(record: Record, rules: tuple[Rule, ...]) -> str | None:
    for rule in rules:
        wanted: Mapping[str, object] = rule._asdict()
        fits = rule.vif == record.measurand.name and all(
            wanted[field] in (None, getattr(record, field))
            for field in ("storage", "tariff", "subunit", "function", "modifiers")
        )
        if fits:
            return rule.quantity
    return None
