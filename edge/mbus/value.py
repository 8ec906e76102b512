"""How is a value of a record written and read (EN 13757-3 6.3, annex A)?

Numbers stay whole; invalid is None, never 0.
"""

import struct
from decimal import Decimal
from math import isfinite
from typing import NamedTuple

from firmware.wire_json import float_text


class Number(NamedTuple):
    """integer * 10**exponent, exactly."""

    integer: int
    exponent: int


Value = Number | str | bytes | None

NO_VALUE, REAL32, READOUT_SELECTION, LVAR = 0x0, 0x5, 0x8, 0xD
_BINARY_SIZES = {0x1: 1, 0x2: 2, 0x3: 3, 0x4: 4, 0x6: 6, 0x7: 8}
BCD_SIZES = {0x9: 1, 0xA: 2, 0xB: 3, 0xC: 4, 0xE: 6}
SIZES = {NO_VALUE: 0, REAL32: 4, READOUT_SELECTION: 0, **_BINARY_SIZES, **BCD_SIZES}  # bytes, by DIF data field


def decode_number(coding: int, octets: bytes) -> Number | None:
    """The number of a fixed-size data field in the order it travels (least significant byte first)."""
    if coding == REAL32:
        return decode_real(octets)
    return decode_bcd(octets) if coding in BCD_SIZES else decode_integer(octets)


def encode_number(coding: int, integer: int) -> bytes:
    """The bytes of a whole number in this data field; ValueError when it does not fit."""
    if coding in BCD_SIZES:
        size = BCD_SIZES[coding]
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
    if not isfinite(value):
        return None
    digits, _, power = float_text(value).partition("e")
    whole, _, fraction = digits.partition(".")
    return Number(int(whole + fraction), int(power or 0) - len(fraction))


def variable_size(lvar: int) -> int | None:
    """Bytes that follow an LVAR byte (table 5); None for the reserved ones."""
    if lvar < 0xC0:
        return lvar
    if lvar < 0xE0:
        return lvar & 0x0F if lvar & 0x0F < 0x0A else None
    return lvar & 0x0F if lvar < 0xF0 else _LARGE_SIZES.get(lvar)


# 32 to 512 bits; F8 is the 64-bit float of the first edition, which the later ones reserve.
_REAL64 = 0xF8
_LARGE_SIZES = {0xF0: 16, 0xF1: 20, 0xF2: 24, 0xF3: 28, 0xF4: 32, 0xF5: 48, 0xF6: 64, _REAL64: 8}


def decode_variable(lvar: int, octets: bytes) -> Value:
    """Text travels last character first (ISO 8859-1); numbers least significant byte first."""
    if lvar < 0xC0:
        return octets[::-1].decode("latin-1")
    if lvar < 0xE0:
        number = decode_bcd(octets) if octets else None
        return number._replace(integer=-number.integer) if number and lvar >= 0xD0 else number
    if lvar < 0xF0:
        return decode_integer(octets) if octets else None
    return _decode_double(octets) if lvar == _REAL64 else octets


def _decode_double(octets: bytes) -> Number | None:
    (value,) = struct.unpack("<d", octets)
    if not isfinite(value):
        return None
    _, digits, exponent = Decimal(repr(value)).as_tuple()
    integer = int("".join(map(str, digits)))
    return Number(-integer if value < 0 else integer, int(exponent))
