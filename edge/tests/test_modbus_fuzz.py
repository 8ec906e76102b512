"""Whatever registers hold: a profile gives values that a collector takes, or none, and a broken device is our error."""

import random
import time

import pytest

from edge import profile
from edge.errors import DeviceError
from edge.modbus import sunspec
from edge.modbus.model import ModbusProfile, Words
from edge.modbus.register import Block
from edge.modbus.sunspec import Model, SunspecProfile
from firmware.contract import check_reading

SEED = 42
ROUNDS = 2000  # for each profile
WORDS = (0, 1, 0x7F80, 0x7FC0, 0x7FFF, 0x8000, 0x8001, 0xFFFE, 0xFFFF)


def word(chance: random.Random) -> int:
    return chance.choice(WORDS) if chance.random() < 0.5 else chance.randrange(0x10000)


def is_modbus(name: str) -> bool:
    return isinstance(profile.load(name), ModbusProfile | SunspecProfile)


@pytest.mark.parametrize("name", list(filter(is_modbus, profile.names())))
def test_random_registers_give_what_a_collector_takes_or_nothing(name: str) -> None:
    chance = random.Random(SEED)
    model = profile.load(name)
    longest = 0.0
    for _ in range(ROUNDS):
        begun = time.thread_time()
        if isinstance(model, SunspecProfile):
            found = Model(103, 100, chance.randrange(60))
            words: Words = {("holding_register", 100 + at): word(chance) for at in range(70)}
            values = model.values_of(found, words)
        elif isinstance(model, ModbusProfile):
            spans = [(block.table, block.address + step) for block in model.blocks() for step in range(block.count)]
            values = model.values_of({span: word(chance) for span in spans})
        longest = max(longest, time.thread_time() - begun)
        if values:
            check_reading({"thing": "meter", "at": 1, "values": values})
    assert longest < 0.05


async def test_a_chain_of_nonsense_is_a_device_error_or_a_chain() -> None:
    chance = random.Random(SEED)
    asked = 0

    async def read(block: Block) -> list[int]:
        nonlocal asked
        asked += 1
        if block.address in sunspec.BASES:
            return [0x5375, 0x6E53]
        return [word(chance), chance.choice((0, 10, 66, 5000, 0xFFFF))]

    chains = 0
    for _ in range(1000):
        try:
            chains += bool(await sunspec.discover(read))
        except DeviceError:
            continue
    assert 10 < chains < 990
    assert asked < 70_000
