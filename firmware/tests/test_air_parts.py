"""The parts of an air node: its formula for wet dust, its means, doubts and memory, and what node.json may say."""

from firmware.air.certificates import certificates
from firmware.air.humidity import dry
from firmware.air.memory import Memory
from firmware.air.readings import Readings
from firmware.nodes import air, noise
from firmware.quantities import split_quantity
from firmware.settings import SettingsError
from firmware.tests.fake_board import Board, settings

NO2 = {"working_zero": 225, "auxiliary_zero": 245, "sensitivity": -315, "gain": -730}


def test_the_correction_grows_with_humidity_and_is_capped():
    assert dry(10000, 0, 40) == 10000
    assert dry(10000, 5000, 40) == 8049  # 10 / (1 + 0.2424)
    assert dry(10000, 9500, 40) == dry(10000, 10000, 40) == 1784
    assert dry(10000, 9500, 0) == 10000


def test_a_note_of_another_making_is_not_believed():
    for note in (b"", b"x", b"\x02" + Memory(b"", 0, 0).note()[1:], Memory(b"", 0, 0).note() + b"x"):
        assert Memory(note, 0, 0).is_new
    kept = Memory(b"", 3, 4)
    kept.fan_s, kept.uncleaned_s, kept.gas_s = 1, 2, 3
    again = Memory(kept.note(), 3, 4)
    assert (again.fan_s, again.uncleaned_s, again.gas_s, again.is_new) == (1, 2, 3, False)


def is_believed(readings: Readings, hundredths: int, now: int) -> bool:
    readings.begin()
    readings.add("temperature", (hundredths, -2), now)
    return not readings.suspect


def test_a_jump_is_doubted_once():
    readings = Readings()
    assert is_believed(readings, 2100, 0)
    assert is_believed(readings, 2500, 10000)
    assert not is_believed(readings, 3100, 20000)
    assert is_believed(readings, 3150, 30000)
    assert is_believed(readings, 1000, 30000 + 5 * 60000)  # five degrees a minute
    assert not is_believed(readings, 20100, 10**9)


def test_a_mean_keeps_one_more_digit_and_rounds():
    readings = Readings()
    for number in (1, 2, 2):
        readings.add("pm2_5", (number, 0), 0)
    for number in (-1, -2):
        readings.add("temperature", (number, -2), 0)
    assert readings.values() == {"pm2_5": (17, -1), "temperature": (-15, -3)}


def refusal(check, value) -> str:
    try:
        check("key", value)
    except SettingsError as error:
        return str(error)
    raise AssertionError("accepted")


def test_a_certificate_is_checked_to_its_last_key():
    assert refusal(certificates, 1) == "key: expected an object"
    assert refusal(certificates, {"h2s": NO2}) == "key.h2s: expected one of no2 o3 co so2"
    assert refusal(certificates, {"no2": {"colour": 1}}) == "key.no2.colour: unknown key"
    assert refusal(certificates, {"no2": {}}).endswith(": missing")
    for name, value in (("gain", 0), ("sensitivity", 315)):
        wrong = dict(NO2)
        wrong[name] = value
        assert refusal(certificates, {"no2": wrong}) == "key.no2.sensitivity: expected the sign of the gain"
    wrong = dict(NO2)
    wrong["working_zero"] = 1.5
    assert refusal(certificates, {"no2": wrong}).startswith("key.no2.working_zero: expected a whole number")
    ox = dict(NO2)
    assert refusal(certificates, {"o3": ox}) == "key.o3.no2_sensitivity: missing"
    ox["no2_sensitivity"] = -400
    assert refusal(certificates, {"o3": ox}) == "key.no2: missing, and o3 can't be told without it"


def test_a_node_needs_a_sensor_and_knows_its_name():
    for wires, changes in (({}, {}), ({}, {"cells": certificates("cells", {"no2": NO2})})):
        said = ""
        try:
            air.make(settings(air, **changes), Board(wires), b"")
        except ValueError as error:
            said = str(error)
        assert said in ("none of pm, climate, co2 and no2_working is wired", "no2_working: not wired")
    check, _default = air.OPTIONAL["pm_sensor"]
    assert refusal(check, "sds018") == "key: expected one of sps30 sps30_i2c pms5003 sds011"


def test_only_what_is_wired_is_made():
    made = air.make(settings(air, climate_sensor="sht4x"), Board({"climate": None}), b"")
    assert list(made._sensors) == ["climate"]
    made = air.make(settings(air, pm_sensor="pms5003"), Board({"pm": None, "co2": None}), b"nonsense")
    assert list(made._sensors) == ["co2"]
    assert made.faults == {"note_unreadable": 1}


def test_air_and_noise_publish_nothing_that_the_city_does_not_know():
    for kind in (air, noise):
        assert [split_quantity(quantity)[0] for quantity in kind.QUANTITIES]
    assert len(set(air.QUANTITIES)) == len(air.QUANTITIES) == 26
