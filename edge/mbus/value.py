"""How is a value of a record written and read (EN 13757-3 6.3, annex A)?

Numbers stay whole; invalid is None, never 0.
"""

import struct
from typing import NamedTuple

from firmware.wire_json import float_text


class Number(NamedTuple):
    """integer * 10**exponent, exactly."""

    integer: int
    exponent: int


Value = Number | str | bytes | None

NO_VALUE, REAL32, READOUT_SELECTION, LVAR = 0x0, 0x5, 0x8, 0xD
_BINARY_SIZES = {0x1: 1, 0x2: 2, 0x3: 3, 0x4: 4, 0x6: 6, 0x7: 8}
_BCD_SIZES = {0x9: 1, 0xA: 2, 0xB: 3, 0xC: 4, 0xE: 6}
SIZES = {NO_VALUE: 0, REAL32: 4, READOUT_SELECTION: 0, **_BINARY_SIZES, **_BCD_SIZES}  # bytes, by DIF data field


def decode_number(coding: int, octets: bytes) -> Number | None:
    """The number of a fixed-size data field in the order it travels (least significant byte first)."""
    if coding == REAL32:
        return decode_real(octets)
    return decode_bcd(octets) if coding in _BCD_SIZES else decode_integer(octets)


def encode_number(coding: int, integer: int) -> bytes:
    """The bytes of a whole number in this data field; ValueError when it does not fit."""
    if coding in _BCD_SIZES:
        size = _BCD_SIZES[coding]
        digits = f"{abs(integer):0{2 * size - (integer < 0)}d}"
        if len(digits) > 2 * size - (integer < 0):
            raise ValueError(f"{integer}: more than {2 * size} digits")
        return bytes.fromhex(("f" if integer < 0 else "") + digits)[::-1]
    if coding == REAL32:
        return struct.pack("<f", integer)
    try:
        return integer.to_bytes(_BINARY_SIZES[coding], "little", signed=True)
    except OverflowError:
        raise ValueError(f"{integer}: does not fit {_BINARY_SIZES[coding]} bytes") from None


def decode_bcd(octets: bytes) -> Number | None:
    """Type A: a minus is F in the most significant digit; any other digit above 9 makes it invalid."""
    digits = octets[::-1].hex()
    sign = 1
    if digits.startswith("f") and len(digits) > 1:
        sign, digits = -1, digits[1:]
    return Number(sign * int(digits), 0) if digits.isdecimal() else None


def decode_integer(octets: bytes) -> Number | None:
    """Type B: two's complement; the most negative number means invalid."""
    integer = int.from_bytes(octets, "little", signed=True)
    return None if octets and integer == -1 << 8 * len(octets) - 1 else Number(integer, 0)


def decode_real(octets: bytes) -> Number | None:
    """Type H: the shortest decimal that is this 32-bit float; not-a-number and infinity are invalid."""
    (value,) = struct.unpack("<f", octets)
    return number_of(value)


def number_of(value: float) -> Number | None:
    """The shortest decimal that a 32-bit float reads back as this value, as whole number and exponent."""
    if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 - only NaN differs from itself
        return None
    digits, _, power = float_text(value).partition("e")
    whole, _, fraction = digits.partition(".")
    return Number(int(whole + fraction), int(power or 0) - len(fraction))


def decode_date(octets: bytes) -> str | None:
    """Type G: ``2014-03-13``, meter-local; a wildcard or impossible date is invalid."""
    if len(octets) != 2:
        return None
    day, month = octets[0] & 0x1F, octets[1] & 0x0F
    year = octets[0] >> 5 | (octets[1] & 0xF0) >> 1
    return f"{_century(year)}-{month:02d}-{day:02d}" if day and 1 <= month <= 12 and year <= 99 else None


def decode_date_time(octets: bytes) -> str | None:
    """Types F (4 bytes) and I (6 bytes): ``2014-03-13T11:11[:SS]``, meter-local; the invalid bit makes it invalid."""
    if len(octets) == 2:
        return decode_date(octets)
    if len(octets) not in (4, 6):
        return None
    start = len(octets) - 4 if len(octets) == 4 else 1
    if octets[start] & 0x80 if len(octets) == 4 else octets[1] & 0x80:
        return None
    minute, hour = octets[start] & 0x3F, octets[start + 1] & 0x1F
    date = decode_date(octets[start + 2 : start + 4])
    if date is None or minute > 59 or hour > 23:
        return None
    seconds = f":{octets[0] & 0x3F:02d}" if len(octets) == 6 else ""
    return f"{date}T{hour:02d}:{minute:02d}{seconds}"


def _century(year: int) -> int:
    return (1900 if year > 80 else 2000) + year


def variable_size(lvar: int) -> int | None:
    """Bytes that follow an LVAR byte; None for the reserved ones."""
    if lvar < 0xC0:
        return lvar
    if lvar < 0xF0:
        return lvar & 0x0F
    return 4 * (lvar - 0xEC) if lvar < 0xF5 else None


def decode_variable(lvar: int, octets: bytes) -> Value:
    """Text travels last character first (ISO 8859-1); BCD and binary least significant byte first."""
    if lvar < 0xC0:
        return octets[::-1].decode("latin-1")
    if lvar < 0xE0:
        number = decode_bcd(octets) if octets else None
        return number._replace(integer=-number.integer) if number and lvar >= 0xD0 else number
    if lvar < 0xF0:
        return decode_integer(octets) if octets else None
    return octets
