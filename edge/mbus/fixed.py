"""What does a telegram of the fixed data structure say (EN 1434-3; CI 73 and 77)?"""

from typing import NamedTuple

from edge.errors import DeviceError
from edge.mbus.record import Record
from edge.mbus.value import Number, decode_bcd, decode_integer
from edge.mbus.vif import Measurand

SIZE = 16  # bytes: identification 4, access number, status, medium and units 2, two counters of 4
_BINARY, _STORED = 0x01, 0x02  # status: how the counters are coded, and that they stand still since a fixed date
_METER_STATE = 0x1C  # status bits that mean what they mean in the variable structure
_MODE_2_MEDIA = {0x0A: 0x03, 0x0B: 0x04, 0x0C: 0x06, 0x0D: 0x07, 0x0E: 0x08}  # gas to heat cost allocator, again
_HISTORIC = 0x3E  # unit of the second counter: that of the first one, at a fixed date

# Unit codes: first code, how many, measurand, unit, power of ten of the first code.
_UNITS = (
    (0x00, 1, "time_of_day", "", 0),
    (0x01, 1, "day_of_year", "", 0),
    (0x02, 9, "energy", "Wh", 0),
    (0x0B, 9, "energy", "J", 3),
    (0x14, 9, "power", "W", 0),
    (0x1D, 9, "power", "J/h", 3),
    (0x26, 9, "volume", "m3", -6),
    (0x2F, 9, "volume_flow", "m3/h", -6),
    (0x38, 1, "temperature", "Cel", -3),
    (0x39, 1, "heat_cost_units", "", 0),
    (0x3F, 1, "dimensionless", "", 0),
)


class Counters(NamedTuple):
    """The whole structure; ``medium`` is the code of the variable structure's table."""

    identification: str
    access_number: int
    status: int
    medium: int
    records: tuple[Record, ...]


def decode(payload: bytes, *, is_reversed: bool = False) -> Counters:
    """Both counters; DeviceError when the structure has another size. ``is_reversed``: CI 77."""
    if len(payload) != SIZE:
        raise DeviceError(f"telegram: fixed data structure of {len(payload)} bytes, expected {SIZE}")
    order = -1 if is_reversed else 1
    status, units = payload[5], payload[6:8]
    records = []
    for counter in (0, 1):
        code = units[counter] & 0x3F
        is_historic = code == _HISTORIC
        measurand = _measurand(units[0] & 0x3F if is_historic else code)
        start = 8 + 4 * counter
        octets = payload[start : start + 4][::order]
        number = decode_integer(octets) if status & _BINARY else decode_bcd(octets)
        value = None if number is None else Number(number.integer, measurand.exponent)
        storage = int(is_historic or bool(status & _STORED))
        coding = 0x4 if status & _BINARY else 0xC
        records.append(Record(measurand, value, "instantaneous", storage, 0, 0, (), coding, start, 4, start))
    medium = units[0] >> 6 | units[1] >> 6 << 2
    identification = payload[:4][::order][::-1].hex()
    return Counters(
        identification, payload[4], status & _METER_STATE, _MODE_2_MEDIA.get(medium, medium), tuple(records)
    )


def _measurand(code: int) -> Measurand:
    for first, length, name, unit, exponent in _UNITS:
        if first <= code < first + length:
            return Measurand(name, unit, exponent + code - first)
    return Measurand("unknown", "", 0)
