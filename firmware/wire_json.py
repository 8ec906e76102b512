"""How is JSON written the same, byte for byte, on every interpreter? Keys sorted, numbers digit by digit.

Runs unchanged on CPython and on MicroPython, whose own writers differ in order, escapes and the last digit of floats.
"""

import math

DIGITS = 15  # what a 64-bit float carries exactly


class UnwritableError(ValueError):
    """A value that JSON or a 32-bit float can't hold."""


def write(value) -> str:
    """As ``encode``, as text."""
    return str(encode(value), "utf-8")


def encode(value) -> bytes:
    """``(561080, -3)`` stands for 561.080; raise ValueError for text that is no UTF-8, UnwritableError for the rest."""
    out = bytearray()  # grows where it is: a message in pieces and as a whole would not fit a node's heap together
    _put(out, value)
    return bytes(out)


def _put(out: bytearray, value) -> None:
    kind = type(value)
    if kind is dict:
        mark = b"{"
        for key in sorted(value):
            out += mark
            _put_text(out, key)
            out += b":"
            _put(out, value[key])
            mark = b","
        out += b"}" if value else b"{}"
    elif kind is list:
        mark = b"["
        for item in value:
            out += mark
            _put(out, item)
            mark = b","
        out += b"]" if value else b"[]"
    elif kind is str:
        _put_text(out, value)
    else:
        out += _plain(kind, value).encode()


def _plain(kind, value) -> str:
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return str(value)
    if kind is tuple:
        return decimal_text(value[0], value[1])
    if kind is float and math.isfinite(value):
        return float_text(value)
    if value is None:
        return "null"
    raise UnwritableError("cannot be written: " + str(kind))


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _put_text(out: bytearray, text: str) -> None:
    if type(text) is not str:
        raise UnwritableError("keys must be text")
    out += b'"'
    if all(c >= " " and c not in _ESCAPES for c in text):
        out += text.encode()
    else:
        out += "".join([_ESCAPES.get(c) or ("\\u%04x" % ord(c) if c < " " else c) for c in text]).encode()
    out += b'"'


def decimal_text(integer: int, exponent: int) -> str:
    """``(561080, -3)`` -> ``561.080``: the digits as they are."""
    sign, digits = ("-", str(-integer)) if integer < 0 else ("", str(integer))
    if exponent == 0 or (integer == 0 and exponent > 0):
        return sign + digits
    if exponent > 0:
        plain = len(digits) + exponent <= DIGITS
        return sign + digits + ("0" * exponent if plain else "e" + str(exponent))
    if exponent < -DIGITS:
        return sign + digits + "e" + str(exponent)
    while len(digits) <= -exponent:
        digits = "0" + digits
    return sign + digits[:exponent] + "." + digits[exponent:]


def fits(integer: int, exponent: int) -> bool:
    """Whether ``integer * 10**exponent`` has at most 15 digits and its size is within a 32-bit float."""
    return abs(integer) < 10**DIGITS and abs(exponent) <= 30 and len(str(abs(integer))) + exponent <= 38


def float_text(value: float) -> str:
    """The shortest decimal that a 32-bit float reads back as this value, worked out in whole numbers."""
    sign, value = ("-", -value) if value < 0 else ("", value)
    integer, power = _float32(value)
    if integer == 0:
        return "0"
    # value = integer * 2**power; another decimal reads back the same while it is nearer than half that unit,
    # and than a quarter just above a power of two, where the floats below lie twice as dense.
    up, down = (2**power, 1) if power >= 0 else (1, 2**-power)
    share = 4 if integer & (integer - 1) == 0 else 2
    exponent = math.floor(math.log10(value)) - 4
    while True:
        ten_up, ten_down = (1, 10**-exponent) if exponent < 0 else (10**exponent, 1)
        top, bottom = integer * up * ten_down, down * ten_up
        digits = (2 * top + bottom) // (2 * bottom)
        if share * abs(digits * bottom - top) < up * ten_down:
            break
        exponent -= 1
    while digits % 10 == 0:
        digits //= 10
        exponent += 1
    return sign + decimal_text(digits, exponent)


def _float32(value: float) -> tuple:
    """Return (integer, power) with integer < 2**24 and value rounded to the nearest, ties to even."""
    fraction, power = math.frexp(value)
    bits = 24 if power >= -125 else max(0, 149 + power)  # below 2**-126 a 32-bit float has fewer bits
    scaled = math.ldexp(fraction, bits)
    integer = int(scaled)
    rest = scaled - integer
    if rest > 0.5 or (rest == 0.5 and integer & 1):
        integer += 1
    if power > 128 or (power == 128 and integer >= 2**24):
        raise UnwritableError("does not fit a 32-bit float")
    return integer, power - bits
