"""What does a virtual Modbus meter answer? Registers that advance, behind the PDU of functions 3 and 4.

``registers/*.toml`` describes a meter from its register list, on its own and not from any profile of the gateway.
(The library's server can't play a silent meter, so the ten lines of PDU are here; mbpoll checks them.)
"""

import struct
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from edge.mbus.value import number_of
from hil_tests.instruments.moving import Moving, truth_number

REGISTERS = Path(__file__).with_name("registers")
_TABLES = {3: "holding_register", 4: "input_register"}
_ILLEGAL_FUNCTION, _ILLEGAL_ADDRESS, _ILLEGAL_VALUE = 1, 2, 3
_STRUCT = {"uint16": ">H", "int16": ">h", "uint32": ">I", "int32": ">i", "uint64": ">Q", "int64": ">q"}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Row(_Strict):
    """One value: content = start + rate * seconds (+- sway), in steps of 10**exponent of the quantity's unit."""

    quantity: str
    table: Literal["holding_register", "input_register"]
    address: int
    format: Literal["uint16", "int16", "uint32", "int32", "uint64", "int64", "float32"]
    exponent: int = 0
    start: int
    rate: float = 0.0
    sway: int = 0

    def words(self, seconds: float) -> tuple[list[int], float]:
        """The registers, and the number they give."""
        integer = Moving(self.start, self.rate, self.sway).at(seconds)
        if self.format == "float32":
            octets = struct.pack(">f", truth_number(integer, self.exponent))
            given = number_of(struct.unpack(">f", octets)[0])
            value = truth_number(*given) if given else float("nan")
        else:
            octets = struct.pack(_STRUCT[self.format], integer)
            value = truth_number(integer, self.exponent)
        return list(struct.unpack(f">{len(octets) // 2}H", octets)), value


class _Meter(_Strict):
    name: str
    row: list[_Row] = Field(min_length=1)


class ModbusMeter:
    """One meter by the name of its register file."""

    def __init__(self, name: str) -> None:
        table: dict[str, Any] = tomllib.loads((REGISTERS / f"{name}.toml").read_text("utf-8"))
        self._rows = _Meter.model_validate(table).row

    def answer(self, pdu: bytes, seconds: float) -> tuple[bytes, dict[str, object]]:
        """The PDU to send, and the values that it gives whole."""
        function = pdu[0]
        if function not in _TABLES:
            return bytes((function | 0x80, _ILLEGAL_FUNCTION)), {}
        if len(pdu) != 5:
            return bytes((function | 0x80, _ILLEGAL_VALUE)), {}
        address, count = struct.unpack(">HH", pdu[1:])
        if not 1 <= count <= 125:
            return bytes((function | 0x80, _ILLEGAL_VALUE)), {}
        registers: dict[int, int] = {}
        values: dict[str, object] = {}
        for row in self._rows:
            words, value = row.words(seconds)
            asked = row.table == _TABLES[function]
            if asked:
                registers.update(enumerate(words, row.address))
            if asked and address <= row.address and row.address + len(words) <= address + count:
                values[row.quantity] = value
        wanted = range(address, address + count)
        if any(number not in registers for number in wanted):
            return bytes((function | 0x80, _ILLEGAL_ADDRESS)), {}
        return struct.pack(f">BB{count}H", function, 2 * count, *(registers[number] for number in wanted)), values
