"""Numbers on the wire, for every number hypothesis can think of (CPython: hypothesis needs it)."""

import struct
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from firmware.contract import ContractError, decode_reading, encode_reading


def on_the_wire(value: object) -> str:
    payload = encode_reading("a", 1, [{"thing": "t", "at": 1, "values": {"distance": value}}])
    return payload.decode().split('"distance":')[1].split("}")[0]


@given(some.integers(-(10**15) + 1, 10**15 - 1), some.integers(-30, 30))
def test_an_integer_with_its_exponent_keeps_every_digit(integer: int, exponent: int) -> None:
    assert Decimal(on_the_wire((integer, exponent))) == Decimal(integer).scaleb(exponent)


@given(some.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_float_equals_its_32_bit_value(value: float) -> None:
    assert struct.pack("f", float(on_the_wire(value))) == struct.pack("f", value + 0.0)  # minus zero is written as zero


@given(some.text(max_size=60))
def test_any_text_comes_back(text: str) -> None:
    payload = encode_reading("a", 1, [{"thing": "t", "at": 1, "values": {"notice": text}}])
    assert decode_reading(payload)["readings"][0]["values"]["notice"] == text


@pytest.mark.parametrize("value", [1e39, -1e39])
def test_a_float_beyond_32_bits_is_refused(value: float) -> None:
    with pytest.raises(ContractError, match="does not fit a 32-bit float"):
        on_the_wire(value)
