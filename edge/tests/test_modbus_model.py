"""Modbus models: joined reads, exact scaling, refusals of a wrong profile, and SunSpec devices."""

from decimal import Decimal
from typing import Any

import pytest

from edge import profile
from edge.errors import DeviceError
from edge.modbus import sunspec
from edge.modbus.model import Command, ModbusProfile, Register
from edge.modbus.register import Block, blocks, scaled
from edge.modbus.sunspec import Model, SunspecProfile

SPANS = [Block("input_register", at, 2) for at in (0, 2, 8, 20)]


def test_reads_are_joined_over_a_gap_up_to_the_limit() -> None:
    assert blocks(SPANS, 4) == [Block("input_register", 0, 10), Block("input_register", 20, 2)]
    assert blocks(SPANS, 3) == [Block("input_register", at, count) for at, count in ((0, 4), (8, 2), (20, 2))]


def test_a_forbidden_hole_is_never_crossed() -> None:
    holes = [Block("input_register", 6, 1), Block("holding_register", 12, 1)]
    assert blocks(SPANS, 64, holes) == [Block("input_register", 0, 4), Block("input_register", 8, 14)]


def test_no_joined_read_is_longer_than_125() -> None:
    joined = blocks((Block("holding_register", 10 * at, 1) for at in range(100)), 64)
    assert max(block.count for block in joined) <= 125
    assert sum(block.count for block in joined) >= 100


def test_scale_and_offset_are_exact() -> None:
    assert scaled((1234, 0), (1, -3), (-2, -1)) == (1034, -3)
    assert scaled((5, 0), (25, -2), (0, 0)) == (125, -2)
    assert scaled((5, 1), (1, 0), (3, 0)) == (53, 0)


REGISTER: dict[str, Any] = {"quantity": "voltage", "table": "input_register", "address": 0, "format": "uint16"}
COMMAND: dict[str, Any] = {
    "name": "set", "table": "holding_register", "address": 0, "argument": "to", "quantity": "level", "exponent": -1,
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"format": "bit"}, "bit is not what a input_register holds"),
        ({"scale": "a"}, "expected a decimal number as text"),
        ({"offset": "NaN"}, "expected a decimal number as text"),
        ({"quantity": "relay_state"}, "codes: needed for a quantity that is a code"),
        ({"codes": {"0": "off"}}, "codes: needed for a quantity that is a code"),
        ({"quantity": "relay_state", "codes": {"0": "out"}}, "codes: out is not one of off on"),
        ({"invalid": ["FFFF"]}, "String should match"),
    ],
)
def test_a_wrong_register_is_refused(change: dict[str, Any], reason: str) -> None:
    Register.model_validate(REGISTER)
    with pytest.raises(ValueError, match=reason):
        Register.model_validate(REGISTER | change)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"value": "1"}, "either it or argument"),
        ({"argument": None}, "either it or argument"),
        ({"table": "coil"}, "uint16 is not what a coil holds"),
        ({"table": "input_register"}, "Input should be"),
    ],
)
def test_a_wrong_command_is_refused(change: dict[str, Any], reason: str) -> None:
    Command.model_validate(COMMAND)
    with pytest.raises(ValueError, match=reason):
        Command.model_validate(COMMAND | change)


def test_a_command_that_cannot_be_read_back_is_refused() -> None:
    table = {
        "name": "x", "protocol": "modbus", "register": [REGISTER], "command": [COMMAND],
        "test": [{"source": "hand", "licence": "MIT", "expect": {}}],
    }  # fmt: skip
    with pytest.raises(ValueError, match="level stands in no register to be read back"):
        ModbusProfile.model_validate(table)


def test_a_value_is_written_exactly_or_not_at_all() -> None:
    command = Command.model_validate(COMMAND)
    assert command.words(Decimal("21.5")) == [215]
    with pytest.raises(ValueError, match="no whole number of steps"):
        command.words(Decimal("21.55"))
    with pytest.raises(ValueError, match="does not fit uint16"):
        command.words(Decimal(-1))


def inverter(base: int) -> dict[int, int]:
    model = profile.load("sunspec_inverter")
    assert isinstance(model, SunspecProfile)
    return {at - 40000 + base: word for (_, at), word in model.test[0].words().items()}


class Device:
    """Answers from its registers; what it does not hold is an illegal address."""

    def __init__(self, registers: dict[int, int], refusal: str = "illegal data address") -> None:
        self._registers = registers
        self._refusal = refusal
        self.asked: list[Block] = []

    async def read(self, block: Block) -> list[int]:
        self.asked.append(block)
        try:
            return [self._registers[block.address + step] for step in range(block.count)]
        except KeyError:
            raise DeviceError(self._refusal) from None


@pytest.mark.parametrize("base", sunspec.BASES)
async def test_a_sunspec_device_is_found_wherever_it_begins(base: int) -> None:
    chain = await sunspec.discover(Device(inverter(base)).read)
    assert chain == [Model(1, base + 2, 4), Model(103, base + 8, 50)]


async def test_a_device_without_the_marker_is_none() -> None:
    with pytest.raises(DeviceError, match="no SunSpec device"):
        await sunspec.discover(Device({0: 1, 1: 2}).read)


async def test_a_device_that_does_not_answer_is_asked_once() -> None:
    device = Device({}, "no answer")
    with pytest.raises(DeviceError, match="no answer"):
        await sunspec.discover(device.read)
    assert len(device.asked) == 1


async def test_a_chain_that_does_not_end_is_an_error() -> None:
    endless = {0: 0x5375, 1: 0x6E53} | {at: (7, 0)[at % 2] for at in range(2, 300)}
    with pytest.raises(DeviceError, match="does not end"):
        await sunspec.discover(Device(endless).read)


async def test_a_model_that_ends_behind_the_last_register_is_an_error() -> None:
    with pytest.raises(DeviceError, match="SunSpec model 103 ends behind the last register"):
        await sunspec.discover(Device({0: 0x5375, 1: 0x6E53, 2: 103, 3: 0xFFFE}).read)


def test_a_device_without_the_models_that_are_read_says_which_it_has() -> None:
    model = profile.load("sunspec_inverter")
    assert isinstance(model, SunspecProfile)
    with pytest.raises(DeviceError, match=r"only \[1, 201\]"):
        model.chosen([Model(1, 2, 66), Model(201, 70, 105)])


def test_points_behind_a_short_model_are_missing() -> None:
    model = profile.load("sunspec_inverter")
    assert isinstance(model, SunspecProfile)
    words = model.test[0].words()
    assert set(model.values_of(Model(103, 40008, 10), words)) == {"current", "current.l1", "current.l2", "current.l3"}
