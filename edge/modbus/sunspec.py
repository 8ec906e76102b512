"""How does a SunSpec device say what it is, and what it measures?

A device carries "SunS" at one of three addresses and behind it a chain of models, each with its number, its length and
its points; integers come with scale factors in registers of their own (SunSpec Information Model Specification).
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Literal, NamedTuple

from pydantic import Field

from edge.errors import DeviceError
from edge.mbus.quantity import Values
from edge.modbus import register
from edge.modbus.model import Mark, Quantity, RegisterTest, Words
from edge.modbus.register import Block, Format
from edge.shape import Strict
from firmware.wire_json import fits

BASES = (40000, 50000, 0)
_MARKER = [0x5375, 0x6E53]  # "SunS"
_END = 0xFFFF
_LAST = 0xFFFF  # the highest address there is
_MOST_MODELS = 64  # a chain that never ends is broken
_NO_SCALE = 0x8000
_HEAD = 2  # registers of number and length before a model's points
Read = Callable[[Block], Awaitable[list[int]]]
_INVALID: dict[Format, tuple[int, ...]] = {
    "uint16": (0xFFFF,), "int16": (0x8000,), "uint32": (0xFFFFFFFF,), "int32": (0x80000000,),
    "uint64": (0xFFFFFFFFFFFFFFFF,), "int64": (0x8000000000000000,),
}  # fmt: skip


class Model(NamedTuple):
    """One model of the chain; ``address`` is the PDU address of its number."""

    number: int
    address: int
    length: int


class Point(Strict):
    """One value: registers counted from the model's number, as the specification's tables do."""

    quantity: Quantity
    at: int = Field(ge=_HEAD)
    format: Format
    scale_factor: int | None = Field(default=None, ge=_HEAD)
    exponent: int = Field(default=0, ge=-30, le=30)
    invalid: list[Mark] = Field(default_factory=list)  # beside what the specification marks "not implemented"


class SunspecProfile(Strict):
    """A device that describes itself; the first model of the chain that is one of ``models`` is read."""

    name: str
    protocol: Literal["sunspec"]
    models: list[int] = Field(min_length=1)
    point: list[Point] = Field(min_length=1)
    test: list[RegisterTest] = Field(min_length=1)

    def chosen(self, chain: Iterable[Model]) -> Model:
        """The model to be read; DeviceError when the device has none of them."""
        models = list(chain)
        for model in models:
            if model.number in self.models:
                return model
        raise DeviceError(f"no model of {self.models}, only {[model.number for model in models]}")

    def blocks(self, model: Model) -> list[Block]:
        """The model from its number to the last register that a point needs."""
        needed = max(
            max(point.at + register.WORDS[point.format], (point.scale_factor or 0) + 1) for point in self.point
        )
        end = model.address + min(_HEAD + model.length, needed)
        return [
            Block("holding_register", at, min(register.LONGEST_READ, end - at))
            for at in range(model.address, end, register.LONGEST_READ)
        ]

    def values_of(self, model: Model, words: Words) -> Values:
        """Values by key; what the device does not implement is missing."""
        values: Values = {}
        for point in self.point:
            count = register.WORDS[point.format]
            if max(point.at + count, (point.scale_factor or 0) + 1) > _HEAD + model.length:
                continue
            raw = [words["holding_register", model.address + point.at + step] for step in range(count)]
            invalid = [*_INVALID.get(point.format, ()), *(int(mark, 16) for mark in point.invalid)]
            number = register.decode(raw, point.format, "big", invalid)
            scale = 0 if point.scale_factor is None else words["holding_register", model.address + point.scale_factor]
            if number is None or scale == _NO_SCALE:
                continue
            exponent = number[1] + point.exponent + (scale - 0x10000 if scale > 0x7FFF else scale)
            if fits(number[0], exponent):
                values[point.quantity] = (number[0], exponent)
        return values


async def discover(read: Read) -> list[Model]:
    """The chain of models; DeviceError when there is no SunSpec device, or its chain is broken."""
    for base in BASES:
        try:
            if await read(Block("holding_register", base, len(_MARKER))) == _MARKER:
                return await _chain(read, base + len(_MARKER))
        except DeviceError as error:
            if "illegal" not in str(error):
                raise  # it does not answer at all: asking elsewhere costs two more timeouts
    raise DeviceError(f"no SunSpec device: no marker at any of {BASES}")


async def _chain(read: Read, address: int) -> list[Model]:
    models: list[Model] = []
    while len(models) < _MOST_MODELS and address < _LAST:
        number, length = await read(Block("holding_register", address, _HEAD))
        if number == _END:
            return models
        models.append(Model(number, address, length))
        address += _HEAD + length
        if address > _LAST:
            raise DeviceError(f"SunSpec model {number} ends behind the last register")
    raise DeviceError(f"the chain of SunSpec models does not end within {len(models)} models")
