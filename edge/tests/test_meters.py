"""Every meter model proves itself with the telegrams and registers in its own file."""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from edge import profile
from edge.errors import ConfigError, DeviceError
from edge.mbus import frame, telegram
from edge.mbus.model import MbusProfile, RecordRule
from edge.mbus.quantity import Values, status_of, values_of
from edge.modbus import sunspec
from edge.modbus.model import ModbusProfile, Words
from edge.modbus.register import Block
from edge.modbus.sunspec import SunspecProfile
from firmware.contract import check_reading
from firmware.wire_json import decimal_text

LICENCES = {"BSD-3-Clause", "MIT", "Apache-2.0"}


async def registers(words: Words, block: Block) -> list[int]:
    """What a device that holds these and nothing else answers."""
    found = [words.get((block.table, block.address + step)) for step in range(block.count)]
    if None in found:
        raise DeviceError("illegal data address")
    return [word for word in found if word is not None]


def as_text(values: Values) -> dict[str, str]:
    return {key: decimal_text(*value) if isinstance(value, tuple) else str(value) for key, value in values.items()}


@pytest.mark.parametrize("name", profile.names())
def test_a_meter_model_says_what_its_own_tests_expect(name: str) -> None:
    model = profile.load(name)
    for example in model.test:
        assert example.licence in LICENCES
        if isinstance(model, MbusProfile):
            found = telegram.decode(frame.decode(bytes.fromhex(example.telegram)))
            assert profile.found(found) is model
            values = values_of([found], profile.rules(model))
            values["status_code"] = status_of(found.status)
        elif isinstance(model, ModbusProfile):
            values = model.values_of(example.words())
        else:
            words = example.words()
            chain = asyncio.run(sunspec.discover(partial(registers, words)))
            values = model.values_of(model.chosen(chain), words)
        assert as_text(values) == example.expect
        check_reading({"thing": "meter", "at": 1, "values": values})


def test_there_are_meters_of_every_protocol() -> None:
    kinds = [type(profile.load(name)) for name in profile.names()]
    assert kinds.count(MbusProfile) >= 15
    assert kinds.count(ModbusProfile) >= 8
    assert kinds.count(SunspecProfile) >= 1


def test_a_modbus_profile_asks_for_what_it_names_and_for_no_more_than_its_gaps() -> None:
    for name in profile.names():
        model = profile.load(name)
        if isinstance(model, ModbusProfile):
            named = {(row.table, row.address + step) for row in model.register_ for step in range(row.block.count)}
            asked = {(block.table, block.address + step) for block in model.blocks() for step in range(block.count)}
            assert asked >= named
            assert asked == named or model.gap


GOOD = """
name = "Test"
protocol = "modbus"
[[register]]
quantity = "voltage"
table = "input_register"
address = 0
format = "uint16"
[[test]]
source = "hand"
licence = "Apache-2.0"
input_register = { 0 = "00e6" }
expect = { voltage = "230" }
"""

SECOND = """[[register]]
quantity = "voltage"
table = "input_register"
address = 1
format = "uint16"
"""


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('"voltage"\n', '"voltag"\n', "register.0.quantity: unknown quantity"),
        ("address = 0", "address = -1", "register.0.address: Input should be greater"),
        ('"uint16"', '"uint17"', "register.0.format"),
        ('protocol = "modbus"', "", "protocol: expected mbus, modbus or sunspec"),
        ('name = "Test"', 'name = "Test"\nscale = 1', "scale: Extra inputs"),
        ("[[register]]", "[[register", "meter.toml: "),
        ("[[test]]", f"{SECOND}[[test]]", "quantity voltage stands in two registers"),
    ],
)  # fmt: skip
def test_a_wrong_profile_is_refused_with_the_path_of_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, reason: str
) -> None:
    monkeypatch.setattr(profile, "METERS", tmp_path)
    profile.load.cache_clear()
    (tmp_path / "meter.toml").write_text(GOOD.replace(old, new))
    with pytest.raises(ConfigError, match=reason):
        profile.load("meter")
    profile.load.cache_clear()


def test_the_profile_that_the_refusals_start_from_is_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile, "METERS", tmp_path)
    profile.load.cache_clear()
    (tmp_path / "meter.toml").write_text(GOOD)
    assert profile.load("meter").name == "Test"
    profile.load.cache_clear()


def test_a_record_rule_takes_numbers_flags_and_text_and_no_qualifier_that_the_record_gives() -> None:
    for quantity, reason in (("volume.s1", "come from the record"), ("occupancy", "numbers, flags and text")):
        with pytest.raises(ValueError, match=reason):
            RecordRule(quantity=quantity, vif="volume")
    assert RecordRule(quantity="voltage.l1", vif="voltage").rule().quantity == "voltage.l1"
