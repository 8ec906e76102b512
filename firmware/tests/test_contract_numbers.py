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


@given(some.integers(-(10**15) + 1, 10**15 - 1), some.integers(-30, 23))
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
    with pytest.raises(ContractError, match=r"readings\.0\.values\.distance: beyond a 32-bit float"):
        on_the_wire(value)


def test_half_of_a_surrogate_pair_is_refused_by_name() -> None:
    message = b'{"readings":[{"thing":"t","at":1,"values":{"notice":"\\ud800"}}]}'
    with pytest.raises(ContractError, match=r"^readings\.0\.values\.notice: expected at most 256 bytes of text$"):
        decode_reading(message)


def test_a_key_that_can_not_be_written_down_is_named_as_far_as_it_can() -> None:
    message = b'{"readings":[{"thing":"t","at":1,"values":{"notice":"x"},"\\ud800\\n' + b"y" * 100 + b'":1}]}'
    with pytest.raises(ContractError) as refused:
        decode_reading(message)
    assert str(refused.value) == "readings.0.??" + "y" * 62 + ": unknown key"
