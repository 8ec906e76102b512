"""What is a meter model: which of its records or registers are which quantities of the city?

One TOML file per model in ``meters/``; its place registers it, and its own test telegrams prove it.
"""

import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from edge.errors import ConfigError
from edge.mbus.quantity import Rule, Values
from edge.mbus.telegram import Telegram
from edge.modbus import register
from edge.modbus.register import Block, Format, Table, WordOrder
from firmware.quantities import NUMBER_KINDS, QUANTITIES, split_quantity
from firmware.wire_json import fits

METERS = Path(__file__).with_name("meters")


def _known(key: str) -> str:
    split_quantity(key)
    return key


def _number(name: str) -> str:
    if split_quantity(name)[1]:
        raise ValueError("qualifiers come from the record, not from the profile")
    if QUANTITIES[name][1] not in (*NUMBER_KINDS, "flags"):
        raise ValueError("a record holds numbers and flags only")
    return name


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Strict):
    """Where a test's bytes come from, and under which licence."""

    source: str
    licence: str


class Match(_Strict):
    """Which M-Bus headers are this model."""

    manufacturer: str = Field(pattern="^[A-Z@]{3}$")
    version: int = Field(ge=0, le=255)
    medium: list[str] = Field(min_length=1)


class RecordRule(_Strict):
    """A record with these fields is this quantity; what is left out fits all."""

    quantity: Annotated[str, AfterValidator(_number)]
    vif: str
    storage: int | None = Field(default=None, ge=0)
    tariff: int | None = Field(default=None, ge=0)
    subunit: int | None = Field(default=None, ge=0)
    function: Literal["instantaneous", "maximum", "minimum"] | None = None

    def rule(self) -> Rule:
        return Rule(self.quantity, self.vif, self.storage, self.tariff, self.subunit, self.function)


class TelegramTest(Source):
    """A recorded RSP_UD, hexadecimal, and all that it is to say, as decimal text or text of a code."""

    telegram: str
    expect: dict[str, str]


class MbusProfile(_Strict):
    """A meter read by M-Bus."""

    name: str
    protocol: Literal["mbus"]
    match: Match
    record: list[RecordRule] = Field(min_length=1)
    test: list[TelegramTest] = Field(min_length=1)

    def fits(self, telegram: Telegram) -> bool:
        return (
            telegram.manufacturer == self.match.manufacturer
            and telegram.version == self.match.version
            and telegram.medium in self.match.medium
        )


class Register(_Strict):
    """One value in registers; value = raw number times 10**``exponent`` in the quantity's unit."""

    quantity: Annotated[str, AfterValidator(_known)]
    table: Table
    address: int = Field(ge=0, le=0xFFFF)  # PDU address, counted from zero
    format: Format
    exponent: int = Field(default=0, ge=-30, le=30)
    word_order: WordOrder = "big"
    invalid: list[Annotated[str, Field(pattern="^[0-9a-f]+$")]] = []  # raw contents that mean "not available", hex

    @property
    def block(self) -> Block:
        return Block(self.table, self.address, register.WORDS[self.format])


class RegisterTest(Source):
    """Registers by table and PDU address as hexadecimal words, and all that they are to say."""

    holding_register: dict[int, str] = {}
    input_register: dict[int, str] = {}
    expect: dict[str, str]


class ModbusProfile(_Strict):
    """A meter read by Modbus."""

    name: str
    protocol: Literal["modbus"]
    register_: list[Register] = Field(alias="register", min_length=1)
    test: list[RegisterTest] = Field(min_length=1)

    @model_validator(mode="after")
    def _says_each_thing_once(self) -> "ModbusProfile":
        keys = [row.quantity for row in self.register_]
        for key in keys:
            if keys.count(key) > 1:
                raise ValueError(f"quantity {key} stands in two registers")
        return self

    def blocks(self) -> list[Block]:
        """What to ask the meter for."""
        return register.blocks(row.block for row in self.register_)

    def values_of(self, words: dict[tuple[Table, int], int]) -> Values:
        """Values by key out of registers by table and address; what the meter marks invalid is missing."""
        values: Values = {}
        for row in self.register_:
            block = row.block
            raw = [words[block.table, block.address + step] for step in range(block.count)]
            number = register.decode(raw, row.format, row.word_order, [int(mark, 16) for mark in row.invalid])
            if number is not None and fits(*number):
                values[row.quantity] = (number[0], number[1] + row.exponent)
        return values


Profile = MbusProfile | ModbusProfile
_MODELS: dict[str, type[Profile]] = {"mbus": MbusProfile, "modbus": ModbusProfile}


@cache
def load(name: str) -> Profile:
    """The profile of this file name in ``meters/``; ConfigError when there is none or it is not right."""
    path = METERS / f"{name}.toml"
    if name not in names():
        raise ConfigError(f"unknown profile {name!r}; known: {' '.join(names())}")
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        return _MODELS[table["protocol"]].model_validate(table)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}") from error
    except KeyError as error:
        raise ConfigError(f"{path}: protocol: expected mbus or modbus") from error
    except ValidationError as error:
        raise ConfigError(f"{path}: {first_error(error)}") from error


def names() -> list[str]:
    """Every meter model there is."""
    return sorted(path.stem for path in METERS.glob("*.toml"))


def found(telegram: Telegram) -> MbusProfile | None:
    """The M-Bus profile whose header this is."""
    for profile in _all_of_mbus():
        if profile.fits(telegram):
            return profile
    return None


@cache
def _all_of_mbus() -> tuple[MbusProfile, ...]:
    return tuple(profile for profile in map(load, names()) if isinstance(profile, MbusProfile))


def rules(profile: MbusProfile | None) -> Iterable[Rule]:
    """What the profile says of records; nothing without one."""
    return [row.rule() for row in profile.record] if profile else []


def first_error(error: ValidationError) -> str:
    """``line.0.meter.2.period: Input should be greater than 0``."""
    first = error.errors()[0]
    message = first["msg"].removeprefix("Value error, ")
    path = ".".join(str(part) for part in first["loc"])
    return f"{path}: {message}" if path else message
