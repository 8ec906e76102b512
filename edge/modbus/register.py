"""What number do Modbus registers hold? Words in, exact numbers out; what the meter marks invalid is None."""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from edge.mbus.value import number_of

Table = Literal["holding_register", "input_register", "coil", "discrete_input"]
Format = Literal["bit", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32"]
WordOrder = Literal["big", "little"]
WORDS: dict[Format, int] = {
    "bit": 1, "uint16": 1, "int16": 1, "uint32": 2, "int32": 2, "uint64": 4, "int64": 4, "float32": 2,
}  # fmt: skip
BITS: tuple[Table, ...] = ("coil", "discrete_input")
LONGEST_READ = 125  # registers (Modbus application protocol V1.1b3 6.3); held for bits, too


@dataclass(frozen=True, slots=True, order=True)
class Block:
    """Registers that one request reads: PDU addresses ``address`` to ``address + count - 1``."""

    table: Table
    address: int
    count: int

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.address + self.count


def decode(
    words: Sequence[int], format_: Format, word_order: WordOrder, invalid: Iterable[int] = ()
) -> tuple[int, int] | None:
    """(integer, exponent) of these registers; ``invalid`` lists raw unsigned contents that mean "not available"."""
    ordered = words if word_order == "big" else words[::-1]
    octets = b"".join(word.to_bytes(2, "big") for word in ordered)
    if int.from_bytes(octets, "big") in invalid:
        return None
    if format_ == "float32":
        return number_of(struct.unpack(">f", octets)[0])
    return int.from_bytes(octets, "big", signed=format_.startswith("int")), 0


def encode(number: float, format_: Format, word_order: WordOrder) -> list[int]:
    """The registers that hold this raw number; OverflowError when they can't."""
    if format_ == "float32":
        octets = struct.pack(">f", number)
    elif format_ == "bit":
        octets = int(number).to_bytes(1, "big").rjust(2, b"\0")
    else:
        octets = int(number).to_bytes(2 * WORDS[format_], "big", signed=format_.startswith("int"))
    words = [octets[at] << 8 | octets[at + 1] for at in range(0, len(octets), 2)]
    return words if word_order == "big" else words[::-1]


def scaled(number: tuple[int, int], scale: tuple[int, int], offset: tuple[int, int]) -> tuple[int, int]:
    """Return number * scale + offset, all as (integer, exponent), exactly."""
    integer, exponent = number[0] * scale[0], number[1] + scale[1]
    if not offset[0]:
        return integer, exponent
    common = min(exponent, offset[1])
    return integer * 10 ** (exponent - common) + offset[0] * 10 ** (offset[1] - common), common


def blocks(spans: Iterable[Block], gap: int = 0, forbidden: Iterable[Block] = ()) -> list[Block]:
    """The fewest requests that read these spans, joined over at most ``gap`` registers that nobody asked for.

    Never over one of ``forbidden``: some meters refuse a read that touches a hole, some give it nonsense.
    """
    holes = list(forbidden)
    merged: list[Block] = []
    for span in sorted(spans):
        last = merged[-1] if merged else None
        if last and span.table == last.table and span.address <= last.end + gap:
            joined = replace(last, count=max(last.end, span.end) - last.address)
            between = Block(last.table, last.end, max(0, span.address - last.end))
            if joined.count <= LONGEST_READ and not any(_meet(between, hole) for hole in holes):
                merged[-1] = joined
                continue
        merged.append(span)
    return merged


def _meet(one: Block, other: Block) -> bool:
    return one.table == other.table and one.address < other.end and other.address < one.end
