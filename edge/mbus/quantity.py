"""Which quantity of the city is a record, and under which key does it travel?

The key carries every qualifier of the record. Records that still share one are told apart by the meter's manual only,
so none of them is published; neither is what has no quantity here.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from edge.mbus.record import Record
from edge.mbus.telegram import Telegram
from edge.mbus.value import BCD_SIZES, Number
from firmware.quantities import QUANTITIES
from firmware.wire_json import DIGITS, fits

_WATER = ("warm_water", "water", "hot_water", "cold_water", "dual_water", "irrigation_water", "water_logger")
_HEAT = ("heat_outlet", "heat_inlet", "heat_cooling")
_COOLING = ("cooling_outlet", "cooling_inlet")
_ELECTRICITY = ("electricity",)


class _Row(NamedTuple):
    """A record with this measurand, unit ("" fits every one) and medium (none: every one) is this quantity."""

    name: str
    unit: str
    media: tuple[str, ...]
    quantity: str
    modifiers: tuple[str, ...] = ()  # that the quantity says, and its key need not


_GENERIC = (
    _Row("volume", "m3", _WATER, "water_volume"),
    _Row("volume", "m3", ("gas", "gas_logger", "gas_converter"), "gas_volume"),
    _Row("volume", "m3", (), "volume"),
    _Row("volume_flow", "", _WATER, "water_flow"),
    _Row("volume_flow", "", (), "volume_flow"),
    _Row("mass", "kg", (), "mass"),
    _Row("mass_flow", "kg/h", (), "mass_flow"),
    _Row("energy", "Wh", _HEAT, "heat_energy"),
    _Row("energy", "J", _HEAT, "heat_energy_gj"),
    _Row("energy", "Wh", _COOLING, "cooling_energy"),
    _Row("energy", "J", _COOLING, "cooling_energy_gj"),
    _Row("energy", "Wh", _ELECTRICITY, "active_energy_export", ("reverse",)),
    _Row("energy", "Wh", _ELECTRICITY, "active_energy_import"),
    _Row("energy", "Wh", (), "energy"),
    _Row("energy", "J", (), "energy_gj"),
    _Row("energy", "cal", (), "energy_gcal"),
    _Row("reactive_energy", "varh", (), "reactive_energy_export", ("reverse",)),
    _Row("reactive_energy", "varh", (), "reactive_energy_import"),
    _Row("apparent_energy", "VAh", (), "apparent_energy"),
    _Row("power", "W", (*_HEAT, *_COOLING), "heat_power"),
    _Row("power", "W", _ELECTRICITY, "active_power"),
    _Row("power", "W", (), "power"),
    _Row("power", "J/h", (), "power_gj"),
    _Row("reactive_power", "var", (), "reactive_power"),
    _Row("apparent_power", "VA", (), "apparent_power"),
    _Row("maximum_power_count", "W", (), "cumulated_power"),
    _Row("phase_voltage_to_voltage", "deg", (), "voltage_angle"),
    _Row("phase_voltage_to_current", "deg", (), "current_angle"),
    _Row("voltage", "V", (), "voltage"),
    _Row("current", "A", (), "current"),
    _Row("frequency", "Hz", (), "frequency"),
    _Row("flow_temperature", "Cel", (), "flow_temperature"),
    _Row("return_temperature", "Cel", (), "return_temperature"),
    _Row("temperature_difference", "K", (), "temperature_difference"),
    _Row("external_temperature", "Cel", (), "temperature"),
    _Row("temperature", "Cel", (), "temperature"),
    _Row("temperature_limit", "Cel", (), "temperature_limit"),
    _Row("relative_humidity", "%", (), "relative_humidity"),
    _Row("pressure", "bar", (), "pressure"),
    _Row("on_time", "h", (), "on_time"),
    _Row("on_time", "d", (), "on_time"),
    _Row("on_time", "", (), "on_time_s"),
    _Row("operating_time", "h", (), "operating_time"),
    _Row("operating_time", "d", (), "operating_time"),
    _Row("operating_time", "", (), "operating_time_s"),
    _Row("averaging_duration", "", (), "averaging_duration"),
    _Row("actuality_duration", "", (), "actuality_duration"),
    _Row("battery_operating_time", "h", (), "battery_operating_time"),
    _Row("battery_operating_time", "d", (), "battery_operating_time"),
    _Row("battery_remaining", "d", (), "battery_remaining"),
    _Row("heat_cost_units", "", (), "heat_cost_units"),
    _Row("dimensionless", "", (), "dimensionless"),
    _Row("signal_strength", "dBm", (), "signal_strength"),
    _Row("reset_counter", "", (), "reset_count"),
    _Row("stop_count", "", (), "stop_count"),
    _Row("error_flags", "", (), "error_flags"),
    _Row("digital_input", "", (), "digital_input"),
    _Row("digital_output", "", (), "digital_output"),
    _Row("date", "", (), "next_billing_date", ("future",)),
    _Row("date_time", "", (), "next_billing_date", ("future",)),
    _Row("date", "", (), "meter_date"),
    _Row("date_time", "", (), "meter_time"),
    _Row("fabrication_number", "", (), "fabrication_number"),
    _Row("firmware_version", "", (), "firmware_version"),
)

# (unit of the record, unit of the quantity): (whole factor, power of ten)
_CONVERSIONS = {
    ("Wh", "kW.h"): (1, -3),
    ("varh", "kW.h{var}"): (1, -3),
    ("VAh", "kV.A.h"): (1, -3),
    ("J", "GJ"): (1, -9),
    ("J/h", "GJ/h"): (1, -9),
    ("cal", "Gcal"): (1, -9),
    ("W", "kW"): (1, -3),
    ("var", "W{var}"): (1, 0),
    ("VA", "V.A"): (1, 0),
    ("dBm", "dB{mW}"): (1, 0),
    ("m3/min", "m3/h"): (60, 0),
    ("m3/s", "m3/h"): (3600, 0),
    ("min", "s"): (60, 0),
    ("h", "s"): (3600, 0),
    ("d", "s"): (86400, 0),
    ("d", "h"): (24, 0),
    ("", "1"): (1, 0),
}
_QUALIFYING = ("l1", "l2", "l3", "reverse")  # modifiers that the grammar of keys has a word for
_FORWARD = "forward"  # what flowed forward only: the index of a meter that has no other one
_SILENT = (_FORWARD, "standard_conform")  # modifiers that make no other quantity
_LONGEST_TEXT = 256  # bytes, as the contract has it


class Rule(NamedTuple):
    """A record that fits every field given is this quantity; None fits all.

    ``quantity`` may carry a phase or ``reverse`` where only the manual knows it; ``modifiers`` are all that the record
    has; ``nth`` counts, from 1, records that are otherwise the same.
    """

    quantity: str
    vif: str
    storage: int | None = None
    tariff: int | None = None
    subunit: int | None = None
    function: str | None = None
    modifiers: tuple[str, ...] | None = None
    nth: int | None = None


class _Place(NamedTuple):
    """Where a record goes: a quantity with qualifiers, and the modifiers that this does not say yet."""

    quantity: str
    qualifiers: tuple[str, ...]
    modifiers: tuple[str, ...]


Values = dict[str, tuple[int, int] | int | str]  # by key, as the contract takes them: numbers exact, flags, codes, text


def values_of(telegrams: Iterable[Telegram], rules: Iterable[Rule] = ()) -> Values:
    """What a readout says, by key; ``rules`` of a profile replace the generic table."""
    chosen = tuple(rules)
    values: Values = {}
    ambiguous: set[str] = set()
    for telegram in telegrams:
        said, doubled = _values_of_one(telegram, chosen)
        ambiguous |= doubled | {key for key in said.keys() & values.keys() if said[key] != values[key]}
        values |= said
    return {key: value for key, value in values.items() if key not in ambiguous}


def _values_of_one(telegram: Telegram, rules: tuple[Rule, ...]) -> tuple[Values, set[str]]:
    """What one telegram says by key, and the keys that more than one of its records has."""
    values: Values = {}
    forward: Values = {}
    ambiguous = set()
    counts: Counter[tuple[object, ...]] = Counter()
    for record in telegram.records:
        counts[_same(record)] += 1
        place = _by_rule(record, counts[_same(record)], rules) if rules else _generic(record, telegram.medium)
        key = place and _key(place, record)
        value = place and _value(place.quantity, record)
        if place is None or key is None or value is None:
            continue
        target = forward if _FORWARD in place.modifiers else values
        if key in target:
            ambiguous.add(key)
        target[key] = value
    return forward | values, ambiguous


def status_of(status: int) -> str:
    """The city's word for the status byte (EN 13757-3 5.5): bits 0-1 application, 2 power low, 3 permanent error."""
    if status & 0x08:
        return "fault"
    if status & 0x03 == 0x03:
        return "alarm"
    return "warning" if status else "ok"


def state_of(telegrams: Iterable[Telegram]) -> Values:
    """How the meter of a readout is: the worst word of all its telegrams, and the bits they set (power low is 4)."""
    found = list(telegrams)
    words = ["alarm" if telegram.alarm else status_of(telegram.status) for telegram in found]
    bits = 0
    for telegram in found:
        bits |= telegram.status
    return {"status_code": max(words, key=_SEVERITY.index), "meter_status": bits}


_SEVERITY = ("ok", "warning", "alarm", "fault")


def source_of(telegram: Telegram) -> str:
    """Which meter said it, ``ELS-06855817-07`` (the last is its version): another one after a meter exchange."""
    if telegram.version is None:
        return telegram.identification
    return f"{telegram.manufacturer}-{telegram.identification}-{telegram.version:02x}"


def key_of(quantity: str, record: Record) -> str | None:
    """``heat_energy.t1.s2``; None when the record carries something that no key can say."""
    return _key(_Place(quantity, (), record.modifiers), record)


def _key(place: _Place, record: Record) -> str | None:
    words = [word for word in place.modifiers if word not in _SILENT]
    if record.function == "error" or any(word not in _QUALIFYING for word in words):
        return None
    words += place.qualifiers
    phases = [word for word in words if word != "reverse"]
    if len(phases) > 1:
        return None
    parts = [place.quantity, *phases]
    for letter, number in (("t", record.tariff), ("u", record.subunit), ("s", record.storage)):
        if number:
            parts.append(f"{letter}{number}")
    if "reverse" in words:
        parts.append("reverse")
    if record.function != "instantaneous":
        parts.append(record.function[:3])
    return ".".join(parts)


def _value(quantity: str, record: Record) -> tuple[int, int] | int | str | None:
    """What the contract takes for this quantity; None when the record is invalid or cannot be said in its unit."""
    unit, kind = QUANTITIES[quantity][:2]
    if kind == "text":
        return _text(record)
    if not isinstance(record.value, Number):
        return None
    if kind == "flags":
        integer, exponent = record.value
        return integer if 0 <= integer < 10**DIGITS and exponent == 0 else None
    return converted(record.value, record.measurand.unit, unit)


def _text(record: Record) -> str | None:
    """Text as it is, without padding; numbers that name something with their leading zeros."""
    value = record.value
    if isinstance(value, Number):
        if value.integer < 0 or value.exponent:
            return None
        digits = 2 * record.size if record.coding in BCD_SIZES else 1
        return f"{value.integer:0{digits}d}"
    if not isinstance(value, str):
        return None
    text = value.strip(" \0")
    return text if text.isprintable() and 0 < len(text.encode()) <= _LONGEST_TEXT else None


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


def _generic(record: Record, medium: str) -> _Place | None:
    return _generic_place(record.measurand.name, record.measurand.unit, record.modifiers, medium)


@lru_cache(maxsize=4096)
def _generic_place(name: str, unit: str, modifiers: tuple[str, ...], medium: str) -> _Place | None:
    for row in _GENERIC:
        fits = row.name == name and row.unit in ("", unit) and (not row.media or medium in row.media)
        if fits and set(row.modifiers) <= set(modifiers):
            rest = tuple(word for word in modifiers if word not in row.modifiers)
            return _Place(row.quantity, (), rest)
    return None


def _by_rule(record: Record, nth: int, rules: tuple[Rule, ...]) -> _Place | None:
    for rule in rules:
        wanted: Mapping[str, object] = rule._asdict()
        fits = (
            rule.vif == record.measurand.name
            and rule.nth in (None, nth)
            and all(
                wanted[field] in (None, getattr(record, field))
                for field in ("storage", "tariff", "subunit", "function", "modifiers")
            )
        )
        if fits:
            name, *qualifiers = rule.quantity.split(".")
            return _Place(name, tuple(qualifiers), record.modifiers if rule.modifiers is None else ())
    return None


def _same(record: Record) -> tuple[object, ...]:
    """What records have in common that only their order tells apart."""
    return record.measurand.name, record.modifiers, record.storage, record.tariff, record.subunit, record.function
