"""Modbus registers: words to exact numbers, and the fewest requests."""

from typing import Any

import pytest

from edge.modbus.register import Block, Format, WordOrder, blocks, decode, encode


@pytest.mark.parametrize(
    ("words", "format_", "word_order", "expected"),
    [
        ([0x00E6], "uint16", "big", (230, 0)),
        ([0xFFFF], "int16", "big", (-1, 0)),
        ([0x0001, 0x0000], "uint32", "big", (65536, 0)),
        ([0x0000, 0x0001], "uint32", "little", (65536, 0)),
        ([0xFFFF, 0xCFC7], "int32", "big", (-12345, 0)),
        ([0, 0, 0x0012, 0xD687], "uint64", "big", (1234567, 0)),
        ([0x4366, 0x8000], "float32", "big", (2305, -1)),
        ([0x8000, 0x4366], "float32", "little", (2305, -1)),
        ([0x4640, 0xE6AE], "float32", "big", (1234567, -2)),
        ([0x7FC0, 0x0000], "float32", "big", None),
        ([0x7F80, 0x0000], "float32", "big", None),
    ],
)
def test_words_are_an_exact_number(
    words: list[int], format_: Format, word_order: WordOrder, expected: tuple[int, int] | None
) -> None:
    assert decode(words, format_, word_order) == expected


def test_what_the_meter_marks_not_available_is_missing() -> None:
    assert decode([0xFFFF, 0xFFFF], "uint32", "big", [0xFFFFFFFF]) is None
    assert decode([0x7FFF], "int16", "big", [0x7FFF]) is None
    assert decode([0x7FFE], "int16", "big", [0x7FFF]) == (0x7FFE, 0)


@pytest.mark.parametrize("word_order", ["big", "little"])
@pytest.mark.parametrize("format_", ["uint16", "int16", "uint32", "int32", "uint64", "int64", "float32"])
def test_a_number_is_written_as_it_is_read(format_: Any, word_order: Any) -> None:
    for number in (0, 1, 4242) + (() if format_.startswith("uint") else (-1, -300)):
        integer, exponent = decode(encode(number, format_, word_order), format_, word_order) or (None, 0)
        assert integer is not None
        assert integer * 10**exponent == number


def test_neighbours_are_read_together_and_holes_are_never_crossed() -> None:
    spans = [
        Block("input_register", 4, 2),
        Block("input_register", 0, 2),
        Block("input_register", 2, 2),
        Block("input_register", 7, 1),
        Block("holding_register", 6, 1),
    ]
    assert blocks(spans) == [
        Block("holding_register", 6, 1),
        Block("input_register", 0, 6),
        Block("input_register", 7, 1),
    ]


def test_no_request_is_longer_than_the_protocol_allows() -> None:
    asked = blocks(Block("input_register", 2 * at, 2) for at in range(100))
    assert [block.count for block in asked] == [124, 76]
