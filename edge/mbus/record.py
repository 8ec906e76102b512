"""Which data records are in the application layer's bytes (EN 13757-3 6)?"""

from dataclasses import dataclass

from edge.errors import DeviceError
from edge.mbus.value import (
    LVAR,
    NO_VALUE,
    READOUT_SELECTION,
    SIZES,
    Number,
    Value,
    decode_date,
    decode_date_time,
    decode_number,
    decode_variable,
    variable_size,
)
from edge.mbus.vif import (
    FIRST_EXTENSION,
    MANUFACTURER,
    MEASURANDS,
    MODIFIERS,
    PHASES,
    PLAIN_TEXT,
    RECORD_ERROR_LAST,
    SECOND_EXTENSION,
    UNKNOWN,
    Measurand,
)

FUNCTIONS = ("instantaneous", "maximum", "minimum", "error")
EXTENSION = 0x80
LONGEST_CHAIN = 10  # DIFE or VIFE behind one field
FILLER, MANUFACTURER_BLOCK, MORE_FOLLOWS = 0x2F, 0x0F, 0x1F
_BITS = ("error_flags", "error_mask", "digital_input", "digital_output")


@dataclass(frozen=True, slots=True)
class Record:
    """One data record; ``value`` is None when the meter marks it invalid or has none."""

    measurand: Measurand
    value: Value
    function: str
    storage: int
    tariff: int
    subunit: int
    modifiers: tuple[str, ...]  # phases and other VIFE that make it another quantity
    coding: int  # DIF data field
    offset: int  # of its value's first byte among the bytes given
    size: int  # bytes of its value


@dataclass(frozen=True, slots=True)
class Records:
    """What one telegram carries behind its header."""

    records: tuple[Record, ...]
    manufacturer_block: bytes
    more_follows: bool


def decode(octets: bytes) -> Records:
    """Every record in order; DeviceError says where bytes are missing or not allowed."""
    records: list[Record] = []
    at = 0
    while at < len(octets):
        dif = octets[at]
        if dif == FILLER:
            at += 1
        elif dif in (MANUFACTURER_BLOCK, MORE_FOLLOWS):
            return Records(tuple(records), octets[at + 1 :], dif == MORE_FOLLOWS)
        elif dif & 0x0F == 0x0F:
            raise DeviceError(f"record {len(records)} at byte {at}: DIF {dif:02x} is not allowed in an answer")
        else:
            try:
                record = _record(octets, at)
            except IndexError:
                raise DeviceError(f"record {len(records)} at byte {at}: truncated") from None
            except DeviceError as error:
                raise DeviceError(f"record {len(records)} at byte {at}: {error}") from None
            records.append(record)
            at = record.offset + record.size
    return Records(tuple(records), b"", more_follows=False)


def _record(octets: bytes, at: int) -> Record:
    dif = octets[at]
    storage, tariff, subunit, at = _data_information(octets, at)
    measurand, modifiers, exponent, error, at = _value_information(octets, at)
    coding = dif & 0x0F
    value: Value
    if coding == LVAR:
        size = variable_size(octets[at])
        if size is None:
            raise DeviceError(f"LVAR {octets[at]:02x} is reserved")
        lvar, at = octets[at], at + 1
        value = decode_variable(lvar, _cut(octets, at, size))
    else:
        size = SIZES[coding]
        value = _fixed(coding, measurand, _cut(octets, at, size))
    if error:
        value = None
    if isinstance(value, Number):
        value = Number(value.integer, value.exponent + measurand.exponent + exponent)
    return Record(measurand, value, FUNCTIONS[dif >> 4 & 3], storage, tariff, subunit, modifiers, coding, at, size)


def _data_information(octets: bytes, at: int) -> tuple[int, int, int, int]:
    """Storage number, tariff and subunit of DIF and DIFE, and where the VIF stands."""
    field = octets[at]
    storage, tariff, subunit, step = field >> 6 & 1, 0, 0, 0
    at += 1
    while field & EXTENSION:
        if step == LONGEST_CHAIN:
            raise DeviceError("more than ten DIFE")
        field = octets[at]
        storage |= (field & 0x0F) << 4 * step + 1
        tariff |= (field >> 4 & 3) << 2 * step
        subunit |= (field >> 6 & 1) << step
        step += 1
        at += 1
    return storage, tariff, subunit, at


def _value_information(octets: bytes, at: int) -> tuple[Measurand, tuple[str, ...], int, bool, int]:
    """Measurand, modifiers, power of ten of VIFE, whether the meter reports an error, and where the value stands."""
    first = octets[at]
    measurand, modifiers, field, at = _measurand(octets, at)
    chain = _Chain(list(modifiers), is_own=first & 0x7F == MANUFACTURER)
    count = 0
    while field & EXTENSION:
        if count == LONGEST_CHAIN:
            raise DeviceError("more than ten VIFE")
        field, at, count = octets[at], at + 1, count + 1
        chain.take(field & 0x7F)
    return measurand, tuple(chain.modifiers), chain.exponent, chain.is_error, at


def _measurand(octets: bytes, at: int) -> tuple[Measurand, tuple[str, ...], int, int]:
    """What the VIF says, a modifier that keeps unknown ones apart, the field that may extend, what is next."""
    field, code = octets[at], octets[at] & 0x7F
    if field in (EXTENSION | FIRST_EXTENSION, EXTENSION | SECOND_EXTENSION):
        field = octets[at + 1]
        measurand = MEASURANDS.get((code, field & 0x7F), UNKNOWN)
        return measurand, () if measurand != UNKNOWN else (f"vif_{code:02x}_{field & 0x7F:02x}",), field, at + 2
    if code == PLAIN_TEXT:
        size = octets[at + 1]
        unit = _cut(octets, at + 2, size)[::-1].decode("latin-1")
        return Measurand("plain_text", unit), (), field, at + 2 + size
    measurand = MEASURANDS.get((0, code), UNKNOWN)
    return measurand, () if measurand != UNKNOWN else (f"vif_{code:02x}",), field, at + 1


@dataclass(slots=True)
class _Chain:
    """What the VIFE behind a VIF add up to (EN 13757-3 6.4.6 to 6.4.8)."""

    modifiers: list[str]
    is_own: bool  # behind a manufacturer's VIF or VIFE, VIFE mean what the manufacturer says
    exponent: int = 0
    is_error: bool = False
    is_second_table: bool = False

    def take(self, vife: int) -> None:
        if self.is_own:
            self.modifiers.append(f"manufacturer_{vife:02x}")
        elif self.is_second_table:
            self.modifiers.append(PHASES.get(vife, f"vife_fc_{vife:02x}"))
            self.is_second_table = False
        elif vife == MANUFACTURER:
            self.is_own = True
            self.modifiers.append("manufacturer")
        elif vife == PLAIN_TEXT:
            self.is_second_table = True
        elif 0x70 <= vife <= 0x77:
            self.exponent += vife - 0x76
        elif vife == SECOND_EXTENSION:
            self.exponent += 3
        elif vife <= RECORD_ERROR_LAST:
            self.is_error = self.is_error or vife != 0
        else:
            self.modifiers.append(MODIFIERS.get(vife, f"vife_{vife:02x}"))


def _fixed(coding: int, measurand: Measurand, octets: bytes) -> Value:
    if coding in (NO_VALUE, READOUT_SELECTION):
        return None
    if measurand.name == "date":
        return decode_date(octets) if len(octets) == 2 else decode_date_time(octets)
    if measurand.name == "date_time":
        return decode_date_time(octets)
    if measurand.name in _BITS and coding in (1, 2, 3, 4, 6, 7):
        return Number(int.from_bytes(octets, "little"), 0)
    return decode_number(coding, octets)


def _cut(octets: bytes, at: int, size: int) -> bytes:
    if at + size > len(octets):
        raise IndexError
    return octets[at : at + size]
