"""What is a Modbus meter model: which registers are which quantities, and what may be written to it?

All numbers of a profile that are no whole numbers are text, so that they stay exact: ``scale = "0.25"``.
"""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from edge.mbus.quantity import Values
from edge.modbus import register
from edge.modbus.register import BITS, Block, Format, Table, WordOrder
from edge.shape import Source, Strict
from firmware.quantities import CODES, QUANTITIES, split_quantity
from firmware.wire_json import DIGITS, fits

Words = dict[tuple[Table, int], int]


def _known(key: str) -> str:
    split_quantity(key)
    return key


def _decimal(text: str) -> str:
    try:
        exact(text)
    except (ArithmeticError, ValueError):
        raise ValueError("expected a decimal number as text") from None
    return text


def exact(text: str) -> tuple[int, int]:
    """(integer, exponent) of ``"-0.25"``."""
    sign, digits, exponent = Decimal(text).as_tuple()
    if not isinstance(exponent, int):
        raise ValueError("not finite")  # noqa: TRY004 - NaN and Infinity are text of the right type
    return (-1) ** sign * int("".join(map(str, digits))), exponent


DecimalText = Annotated[str, AfterValidator(_decimal)]
Quantity = Annotated[str, AfterValidator(_known)]
Mark = Annotated[str, Field(pattern="^[0-9a-f]+$")]


class Register(Strict):
    """One value in registers; value = raw number times ``scale`` times 10**``exponent`` plus ``offset``."""

    quantity: Quantity
    table: Table
    address: int = Field(ge=0, le=0xFFFF)  # PDU address, counted from zero
    format: Format
    scale: DecimalText = "1"
    exponent: int = Field(default=0, ge=-30, le=30)
    offset: DecimalText = "0"  # in the quantity's unit
    word_order: WordOrder = "big"
    invalid: list[Mark] = Field(default_factory=list)  # raw contents that mean "not available", hex
    codes: dict[int, str] = Field(default_factory=dict)  # raw number: code, for a quantity that is one

    @model_validator(mode="after")
    def _fits_its_quantity(self) -> "Register":
        if (self.table in BITS) != (self.format == "bit"):
            raise ValueError(f"format: {self.format} is not what a {self.table} holds")
        name = split_quantity(self.quantity)[0]
        if (QUANTITIES[name][1] == "code") != bool(self.codes):
            raise ValueError("codes: needed for a quantity that is a code, and for no other")
        for code in self.codes.values():
            if code not in CODES[name]:
                raise ValueError(f"codes: {code} is not one of {' '.join(CODES[name])}")
        return self

    @property
    def block(self) -> Block:
        return Block(self.table, self.address, register.WORDS[self.format])

    def value_of(self, words: Words) -> tuple[int, int] | str | None:
        """None when the meter marks it invalid, or when no collector would take it."""
        block = self.block
        raw = [words[block.table, block.address + step] for step in range(block.count)]
        number = register.decode(raw, self.format, self.word_order, [int(mark, 16) for mark in self.invalid])
        if number is None or not fits(*number):
            return None
        if self.codes:
            return self.codes.get(number[0])
        integer, exponent = exact(self.scale)
        value = register.scaled(number, (integer, exponent + self.exponent), exact(self.offset))
        return value if abs(value[0]) < 10**DIGITS and fits(*value) else None


class Forbidden(Strict):
    """Registers that no request may touch."""

    table: Table
    address: int = Field(ge=0, le=0xFFFF)
    count: int = Field(ge=1, le=0xFFFF)


class Command(Strict):
    """What may be written. ``quantity`` is read back until it is there; both are in the quantity's unit.

    Either ``value`` is fixed, or the ``argument`` of this name carries it, between ``low`` and ``high``.
    """

    name: str
    table: Literal["holding_register", "coil"]
    address: int = Field(ge=0, le=0xFFFF)
    format: Format = "uint16"
    word_order: WordOrder = "big"
    exponent: int = Field(default=0, ge=-30, le=30)  # content = value / 10**exponent
    value: DecimalText | None = None
    argument: str | None = None
    low: DecimalText = "0"
    high: DecimalText = "0"
    quantity: Quantity
    tolerance: DecimalText = "0"
    code: str | None = None  # what a code reads once it is done
    within: int = Field(default=10, ge=1, le=600)  # s from the write to the last look

    @model_validator(mode="after")
    def _is_whole(self) -> "Command":
        if (self.value is None) == (self.argument is None):
            raise ValueError("value: either it or argument is needed")
        if (self.table == "coil") != (self.format == "bit"):
            raise ValueError(f"format: {self.format} is not what a {self.table} holds")
        return self

    def words(self, value: Decimal) -> list[int]:
        """What to write; ValueError when the registers can't hold it exactly."""
        raw = value.scaleb(-self.exponent)
        if self.format != "float32" and raw != raw.to_integral_value():
            raise ValueError(f"{value} is no whole number of steps of 1e{self.exponent}")
        try:
            return register.encode(float(raw) if self.format == "float32" else int(raw), self.format, self.word_order)
        except OverflowError:
            raise ValueError(f"{value} does not fit {self.format}") from None

    def is_reached(self, value: Decimal, found: object) -> bool:
        """Whether what was read back says that it is done."""
        if self.code is not None:
            return found == self.code
        if not isinstance(found, tuple):
            return False
        return abs(Decimal(found[0]).scaleb(found[1]) - value) <= Decimal(self.tolerance)


class RegisterTest(Source):
    """Registers by table and PDU address as hexadecimal words, and all that they are to say."""

    holding_register: dict[int, str] = Field(default_factory=dict)
    input_register: dict[int, str] = Field(default_factory=dict)
    coil: dict[int, str] = Field(default_factory=dict)
    discrete_input: dict[int, str] = Field(default_factory=dict)
    expect: dict[str, str]

    def words(self) -> Words:
        tables: dict[Table, dict[int, str]] = {
            "holding_register": self.holding_register,
            "input_register": self.input_register,
            "coil": self.coil,
            "discrete_input": self.discrete_input,
        }
        return {(table, at): int(word, 16) for table, words in tables.items() for at, word in words.items()}


class ModbusProfile(Strict):
    """A meter read by Modbus."""

    name: str
    protocol: Literal["modbus"]
    register_: list[Register] = Field(alias="register", min_length=1)
    gap: int = Field(default=0, ge=0, le=64)  # registers that nobody asked for which one request may run over
    forbidden: list[Forbidden] = Field(default_factory=list)
    command: list[Command] = Field(default_factory=list)
    test: list[RegisterTest] = Field(min_length=1)

    @model_validator(mode="after")
    def _says_each_thing_once(self) -> "ModbusProfile":
        keys = [row.quantity for row in self.register_]
        for key in keys:
            if keys.count(key) > 1:
                raise ValueError(f"quantity {key} stands in two registers")
        for number, command in enumerate(self.command):
            if command.quantity not in keys:
                raise ValueError(f"command.{number}.quantity: {command.quantity} stands in no register to be read back")
        return self

    def blocks(self) -> list[Block]:
        """What to ask the meter for."""
        holes = [Block(hole.table, hole.address, hole.count) for hole in self.forbidden]
        return register.blocks((row.block for row in self.register_), self.gap, holes)

    def values_of(self, words: Words) -> Values:
        """Values by key out of registers by table and address; what the meter marks invalid is missing."""
        values: Values = {}
        for row in self.register_:
            value = row.value_of(words)
            if value is not None:
                values[row.quantity] = value
        return values

    def row_of(self, quantity: str) -> Register:
        """Where this quantity stands."""
        return next(row for row in self.register_ if row.quantity == quantity)
