"""What does a value information field say: which measurand, in which unit, to which power of ten (EN 13757-3 6.4)?"""

from typing import NamedTuple


class Measurand(NamedTuple):
    """What a record measures: raw value times 10**exponent in ``unit`` ("" has none)."""

    name: str
    unit: str = ""
    exponent: int = 0


UNKNOWN = Measurand("unknown")
PLAIN_TEXT, MANUFACTURER, ANY = 0x7C, 0x7F, 0x7E
FIRST_EXTENSION, SECOND_EXTENSION = 0x7B, 0x7D  # announced by FB and FD
THIRD_EXTENSION = 0x7D7D  # announced by FD FD

# First code of a range, its length, what it measures, and the power of ten of the first code.
_Range = tuple[int, int, str, str, int]

_PRIMARY: tuple[_Range, ...] = (
    (0x00, 8, "energy", "Wh", -3),
    (0x08, 8, "energy", "J", 0),
    (0x10, 8, "volume", "m3", -6),
    (0x18, 8, "mass", "kg", -3),
    (0x28, 8, "power", "W", -3),
    (0x30, 8, "power", "J/h", 0),
    (0x38, 8, "volume_flow", "m3/h", -6),
    (0x40, 8, "volume_flow", "m3/min", -7),
    (0x48, 8, "volume_flow", "m3/s", -9),
    (0x50, 8, "mass_flow", "kg/h", -3),
    (0x58, 4, "flow_temperature", "Cel", -3),
    (0x5C, 4, "return_temperature", "Cel", -3),
    (0x60, 4, "temperature_difference", "K", -3),
    (0x64, 4, "external_temperature", "Cel", -3),
    (0x68, 4, "pressure", "bar", -3),
    (0x6C, 1, "date", "", 0),
    (0x6D, 1, "date_time", "", 0),
    (0x6E, 1, "heat_cost_units", "", 0),
    (0x78, 1, "fabrication_number", "", 0),
    (0x79, 1, "identification", "", 0),
    (0x7A, 1, "bus_address", "", 0),
    (0x7E, 1, "any", "", 0),
    (0x7F, 1, "manufacturer_specific", "", 0),
)

# Codes for feet, gallons and Fahrenheit are of the older editions; the newer ones only reserve them.
_FB: tuple[_Range, ...] = (
    (0x00, 2, "energy", "Wh", 5),
    (0x02, 2, "reactive_energy", "varh", 3),
    (0x04, 2, "apparent_energy", "VAh", 3),
    (0x08, 2, "energy", "J", 8),
    (0x0C, 4, "energy", "cal", 5),
    (0x10, 2, "volume", "m3", 2),
    (0x14, 4, "reactive_power", "var", 0),
    (0x18, 2, "mass", "kg", 5),
    (0x1A, 2, "relative_humidity", "%", -1),
    (0x20, 1, "volume", "[cft_i]", 0),
    (0x21, 1, "volume", "[cft_i]", -1),
    (0x22, 1, "volume", "[gal_us]", -1),
    (0x23, 1, "volume", "[gal_us]", 0),
    (0x24, 1, "volume_flow", "[gal_us]/min", -3),
    (0x25, 1, "volume_flow", "[gal_us]/min", 0),
    (0x26, 1, "volume_flow", "[gal_us]/h", 0),
    (0x28, 2, "power", "W", 5),
    (0x2A, 1, "phase_voltage_to_voltage", "deg", -1),
    (0x2B, 1, "phase_voltage_to_current", "deg", -1),
    (0x2C, 4, "frequency", "Hz", -3),
    (0x30, 2, "power", "J/h", 8),
    (0x34, 4, "apparent_power", "VA", 0),
    (0x58, 4, "flow_temperature", "[degF]", -3),
    (0x5C, 4, "return_temperature", "[degF]", -3),
    (0x60, 4, "temperature_difference", "[degF]", -3),
    (0x64, 4, "external_temperature", "[degF]", -3),
    (0x70, 4, "temperature_limit", "[degF]", -3),
    (0x74, 4, "temperature_limit", "Cel", -3),
    (0x78, 8, "maximum_power_count", "W", -3),
)

_FD: tuple[_Range, ...] = (
    (0x00, 4, "credit", "", -3),
    (0x04, 4, "debit", "", -3),
    (0x08, 1, "access_number", "", 0),
    (0x09, 1, "medium", "", 0),
    (0x0A, 1, "manufacturer", "", 0),
    (0x0B, 1, "parameter_set_identification", "", 0),
    (0x0C, 1, "model_version", "", 0),
    (0x0D, 1, "hardware_version", "", 0),
    (0x0E, 1, "firmware_version", "", 0),
    (0x0F, 1, "software_version", "", 0),
    (0x10, 1, "customer_location", "", 0),
    (0x11, 1, "customer", "", 0),
    (0x12, 1, "access_code_user", "", 0),
    (0x13, 1, "access_code_operator", "", 0),
    (0x14, 1, "access_code_system_operator", "", 0),
    (0x15, 1, "access_code_developer", "", 0),
    (0x16, 1, "password", "", 0),
    (0x17, 1, "error_flags", "", 0),
    (0x18, 1, "error_mask", "", 0),
    (0x19, 1, "security_key", "", 0),
    (0x1A, 1, "digital_output", "", 0),
    (0x1B, 1, "digital_input", "", 0),
    (0x1C, 1, "baud_rate", "Bd", 0),
    (0x1D, 1, "response_delay", "{bit}", 0),
    (0x1E, 1, "retry", "", 0),
    (0x1F, 1, "remote_control", "", 0),
    (0x20, 1, "first_storage_number", "", 0),
    (0x21, 1, "last_storage_number", "", 0),
    (0x22, 1, "storage_count", "", 0),
    (0x23, 1, "tariff_and_subunit_descriptor", "", 0),
    (0x28, 1, "storage_interval", "mo", 0),
    (0x29, 1, "storage_interval", "a", 0),
    (0x2A, 1, "operator_data", "", 0),
    (0x2B, 1, "time_point_second", "s", 0),
    (0x30, 1, "tariff_start", "", 0),
    (0x38, 1, "tariff_period", "mo", 0),
    (0x39, 1, "tariff_period", "a", 0),
    (0x3A, 1, "dimensionless", "", 0),
    (0x3B, 1, "wireless_container", "", 0),
    (0x40, 16, "voltage", "V", -9),
    (0x50, 16, "current", "A", -12),
    (0x60, 1, "reset_counter", "", 0),
    (0x61, 1, "cumulation_counter", "", 0),
    (0x62, 1, "control_signal", "", 0),
    (0x63, 1, "day_of_week", "", 0),
    (0x64, 1, "week_number", "", 0),
    (0x65, 1, "time_of_day_change", "", 0),
    (0x66, 1, "parameter_activation", "", 0),
    (0x67, 1, "special_supplier_information", "", 0),
    (0x70, 1, "battery_change", "", 0),
    (0x71, 1, "signal_strength", "dBm", 0),
    (0x72, 1, "daylight_saving", "", 0),
    (0x73, 1, "listening_window", "", 0),
    (0x74, 1, "battery_remaining", "d", 0),
    (0x75, 1, "stop_count", "", 0),
    (0x76, 1, "manufacturer_container", "", 0),
)

_FD_FD: tuple[_Range, ...] = (
    (0x00, 1, "selected_application", "", 0),
    (0x02, 1, "battery_remaining", "mo", 0),
    (0x03, 1, "battery_remaining", "a", 0),
)

# Durations count in the unit that the two lowest bits choose.
SHORT_DURATION = ("s", "min", "h", "d")
_LONG_DURATION = ("h", "d", "mo", "a")
_DURATIONS: dict[int, dict[int, tuple[str, tuple[str, ...]]]] = {
    0: {
        0x20: ("on_time", SHORT_DURATION),
        0x24: ("operating_time", SHORT_DURATION),
        0x70: ("averaging_duration", SHORT_DURATION),
        0x74: ("actuality_duration", SHORT_DURATION),
    },
    FIRST_EXTENSION: {},
    SECOND_EXTENSION: {
        0x24: ("storage_interval", SHORT_DURATION),
        0x2C: ("since_readout", SHORT_DURATION),
        0x31: ("tariff_duration", SHORT_DURATION[1:]),
        0x34: ("tariff_period", SHORT_DURATION),
        0x3C: ("transmission_period", SHORT_DURATION),
        0x68: ("since_cumulation", _LONG_DURATION),
        0x6C: ("battery_operating_time", _LONG_DURATION),
    },
    THIRD_EXTENSION: {},
}


def _spread() -> dict[tuple[int, int], Measurand]:
    table = {}
    tables = ((0, _PRIMARY), (FIRST_EXTENSION, _FB), (SECOND_EXTENSION, _FD), (THIRD_EXTENSION, _FD_FD))
    for extension, ranges in tables:
        for first, length, name, unit, exponent in ranges:
            for step in range(length):
                table[extension, first + step] = Measurand(name, unit, exponent + step)
        for first, (name, units) in _DURATIONS[extension].items():
            for step, unit in enumerate(units):
                table[extension, first + step] = Measurand(name, unit)
    return table


MEASURANDS = _spread()  # (extension, code without its extension bit) -> measurand

# What is not a signed number by itself (annex A): dates of whichever type fits their size, and bits or codes.
DATES = frozenset({"date", "date_time", "tariff_start", "battery_change", "time_of_day_change"})
BITS = frozenset({"error_flags", "error_mask", "digital_input", "digital_output", "control_signal", "remote_control"})
UNSIGNED = BITS | {
    "access_number", "medium", "manufacturer", "parameter_set_identification", "model_version", "hardware_version",
    "firmware_version", "software_version", "storage_count", "first_storage_number", "last_storage_number",
}  # fmt: skip
OPAQUE = frozenset({"daylight_saving", "listening_window", "wireless_container", "manufacturer_container"})
