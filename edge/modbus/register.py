"""What number do Modbus registers hold? Words in, exact numbers out; what the meter marks invalid is None."""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from edge.mbus.value import number_of

Table = Literal["holding_register", "input_register"]
Format = Literal["uint16", "int16", "uint32", "int32", "uint64", "int64", "float32"]
WordOrder = Literal["big", "little"]
WORDS: dict[Format, int] = {
    "uint16": 1, "int16": 1, "uint32": 2, "int32": 2, "uint64": 4, "int64": 4, "float32": 2,
}  # fmt: skip
LONGEST_READ = 125  # registers (Modbus application protocol V1.1b3 6.3)


@dataclass(frozen=True, slots=True, order=True)
class Block:
    """Registers that one request reads: PDU addresses ``address`` to ``address + count - 1``."""

    table: Table
    address: int
    count: int


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
    """The registers that hold this raw number; the simulated meter speaks with these."""
    if format_ == "float32":
        octets = struct.pack(">f", number)
    else:
        octets = int(number).to_bytes(2 * WORDS[format_], "big", signed=format_.startswith("int"))
    words = [octets[at] << 8 | octets[at + 1] for at in range(0, len(octets), 2)]
    return words if word_order == "big" else words[::-1]


def blocks(spans: Iterable[Block]) -> list[Block]:
    """The fewest requests that read these spans and no register besides: a hole may be forbidden ground."""
    merged: list[Block] = []
    for span in sorted(spans):
        last = merged[-1] if merged else None
        if last and span.table == last.table and span.address <= last.address + last.count:
            count = max(last.count, span.address + span.count - last.address)
            if count <= LONGEST_READ:
                merged[-1] = replace(last, count=count)
                continue
        merged.append(span)
    return merged
