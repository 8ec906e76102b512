"""Which data records are in the application layer's bytes (EN 13757-3 6)?"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from edge.errors import DeviceError
from edge.mbus import date
from edge.mbus.date import Moment
from edge.mbus.value import (
    LVAR,
    NO_VALUE,
    READOUT_SELECTION,
    SIZES,
    Number,
    Value,
    decode_number,
    decode_variable,
    variable_size,
)
from edge.mbus.vif import (
    FIRST_EXTENSION,
    MANUFACTURER,
    MEASURANDS,
    OPAQUE,
    PLAIN_TEXT,
    SECOND_EXTENSION,
    THIRD_EXTENSION,
    UNKNOWN,
    UNSIGNED,
    Measurand,
)
from edge.mbus.vife import Chain, is_date

FUNCTIONS = ("instantaneous", "maximum", "minimum", "error")
EXTENSION = 0x80
LONGEST_CHAIN = 10  # DIFE or VIFE behind one field
FILLER, MANUFACTURER_BLOCK, MORE_FOLLOWS = 0x2F, 0x0F, 0x1F
_BINARY = (0x1, 0x2, 0x3, 0x4, 0x6, 0x7)  # codings of whole binary numbers


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
    start: int = 0  # of its DIF
    error: str = ""  # why the meter has no value, in the standard's words
    is_summer_time: bool = False  # of a date: the meter's clock is on summer time


@dataclass(frozen=True, slots=True)
class Records:
    """What one telegram carries behind its header."""

    records: tuple[Record, ...]
    manufacturer_block: bytes
    more_follows: bool


class Information(NamedTuple):
    """What DIF, DIFE, VIF and VIFE say of the value behind them."""

    measurand: Measurand
    function: str
    storage: int
    tariff: int
    subunit: int
    modifiers: tuple[str, ...]
    coding: int
    exponent: int  # of its VIFE, beside the measurand's own
    addends: tuple[int, ...]  # powers of ten that VIFE add in the measurand's unit
    error: str


def decode(octets: bytes, *, is_reversed: bool = False) -> Records:
    """Every record in order; DeviceError says where bytes are missing or not allowed.

    ``is_reversed``: fields of several bytes travel with the most significant one first (CI 76 and 77).
    """
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
                record = _record(octets, at, is_reversed)
            except IndexError:
                raise DeviceError(f"record {len(records)} at byte {at}: truncated") from None
            except DeviceError as error:
                raise DeviceError(f"record {len(records)} at byte {at}: {error}") from None
            records.append(record)
            at = record.offset + record.size
    return Records(tuple(records), b"", more_follows=False)


def keys_of(records: Iterable[Record]) -> list[str]:
    """A key for each record that no other one of these has: name, modifiers, tariff, subunit, storage, function.

    Records that a meter sends twice under the same fields are told apart by their order: ``voltage#2``.
    """
    counts: dict[str, int] = {}
    keys = []
    for record in records:
        parts = [record.measurand.name, *record.modifiers]
        if record.measurand.name == "plain_text":
            parts.append(record.measurand.unit)
        numbers = (("t", record.tariff), ("u", record.subunit), ("s", record.storage))
        parts += [f"{letter}{number}" for letter, number in numbers if number]
        if record.function != FUNCTIONS[0]:
            parts.append(record.function[:3])
        key = ".".join(parts)
        counts[key] = counts.get(key, 0) + 1
        keys.append(key if counts[key] == 1 else f"{key}#{counts[key]}")
    return keys


def _record(octets: bytes, at: int, is_reversed: bool) -> Record:
    end = _end_of_information(octets, at)
    information = _information(octets[at:end], is_reversed)
    coding, measurand = information.coding, information.measurand
    is_summer_time = False
    if coding == LVAR:
        lvar = octets[end]
        size = variable_size(lvar)
        if size is None:
            raise DeviceError(f"LVAR {lvar:02x} is reserved")
        end += 1
        field = _cut(octets, end, size)
        value = _variable(lvar, measurand, field[::-1] if is_reversed else field)
    else:
        size = SIZES[coding]
        field = _cut(octets, end, size)
        value = _fixed(information, field[::-1] if is_reversed else field)
    if isinstance(value, Moment):
        value, is_summer_time = value
    if information.error:
        value = None
    if isinstance(value, Number):
        value = _scaled(value, information)
    return Record(
        measurand, value, information.function, information.storage, information.tariff, information.subunit,
        information.modifiers, coding, end, size, at, information.error, is_summer_time,
    )  # fmt: skip


def _end_of_information(octets: bytes, at: int) -> int:
    """Where the value (or its LVAR) stands; DeviceError for a chain longer than ten."""
    first = at
    while octets[at] & EXTENSION:
        at += 1
        if at - first > LONGEST_CHAIN:
            raise DeviceError("more than ten DIFE")
    at += 1
    field = octets[at]
    if field & 0x7F == PLAIN_TEXT:
        at += 1 + octets[at + 1]
    first = at
    while field & EXTENSION:
        at += 1
        field = octets[at]
        if at - first > LONGEST_CHAIN:
            raise DeviceError("more than ten VIFE")
    return at + 1


@lru_cache(maxsize=4096)
def _information(octets: bytes, is_reversed: bool) -> Information:
    """The whole of DIF to VIFE; meters send the same few again and again."""
    dif = octets[0]
    storage, tariff, subunit, at = _data_information(octets)
    chain, field, at = _start_of_chain(octets, at, is_reversed)
    while field & EXTENSION:
        field, at = octets[at], at + 1
        chain.take(field & 0x7F)
    return Information(
        chain.measurand, FUNCTIONS[dif >> 4 & 3], storage, tariff, subunit, tuple(chain.modifiers), dif & 0x0F,
        chain.exponent, tuple(chain.addends), chain.error,
    )  # fmt: skip


def _data_information(octets: bytes) -> tuple[int, int, int, int]:
    """Storage number, tariff and subunit of DIF and DIFE, and where the VIF stands."""
    field = octets[0]
    storage, tariff, subunit, step = field >> 6 & 1, 0, 0, 0
    while field & EXTENSION:
        field = octets[step + 1]
        storage |= (field & 0x0F) << 4 * step + 1
        tariff |= (field >> 4 & 3) << 2 * step
        subunit |= (field >> 6 & 1) << step
        step += 1
    return storage, tariff, subunit, step + 1


def _start_of_chain(octets: bytes, at: int, is_reversed: bool) -> tuple[Chain, int, int]:
    """What the VIF says, the field that may be extended, and what is next."""
    field, code = octets[at], octets[at] & 0x7F
    if field in (EXTENSION | FIRST_EXTENSION, EXTENSION | SECOND_EXTENSION):
        table, at, field = code, at + 1, octets[at + 1]
        if table == SECOND_EXTENSION and field == EXTENSION | SECOND_EXTENSION:
            table, at, field = THIRD_EXTENSION, at + 1, octets[at + 1]
        measurand = MEASURANDS.get((table, field & 0x7F), UNKNOWN)
        unknown = f"vif_{code:02x}_{field & 0x7F:02x}"
    elif code == PLAIN_TEXT:
        text = octets[at + 2 : at + 2 + octets[at + 1]]
        measurand = Measurand("plain_text", (text if is_reversed else text[::-1]).decode("latin-1"))
        at, unknown = at + 1 + len(text), ""
    else:
        measurand, unknown = MEASURANDS.get((0, code), UNKNOWN), f"vif_{code:02x}"
    modifiers = [unknown] if measurand == UNKNOWN else []
    return Chain(measurand, modifiers, is_own=code == MANUFACTURER), field, at + 1


def _scaled(number: Number, information: Information) -> Number:
    exponent = number.exponent + information.measurand.exponent + information.exponent
    integer = number.integer
    for power in information.addends:
        lowest = min(power, exponent)
        integer = integer * 10 ** (exponent - lowest) + 10 ** (power - lowest)
        exponent = lowest
    return Number(integer, exponent)


def _variable(lvar: int, measurand: Measurand, octets: bytes) -> Value | Moment:
    if measurand.name in OPAQUE:
        return octets
    if is_date(measurand) and 0xE0 <= lvar < 0xF0:
        return date.decode_count(octets)
    return decode_variable(lvar, octets)


def _fixed(information: Information, octets: bytes) -> Value | Moment:
    coding, measurand, modifiers = information.coding, information.measurand, information.modifiers
    if coding in (NO_VALUE, READOUT_SELECTION):
        return None
    if is_date(measurand):
        return date.decode(octets)
    if measurand.name in OPAQUE:
        return octets
    if coding in _BINARY and (measurand.name in UNSIGNED or "unsigned" in modifiers or "boolean" in modifiers):
        return Number(int.from_bytes(octets, "little"), 0)
    return decode_number(coding, octets)


def _cut(octets: bytes, at: int, size: int) -> bytes:
    if at + size > len(octets):
        raise IndexError
    return octets[at : at + size]
