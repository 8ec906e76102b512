"""Whatever measures a current finds the one that flows: a ledger with prices, a multimeter, a shunt at a board."""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import serial

from hil_tests import battery
from hil_tests.cities.city import Plan, VirtualCity
from hil_tests.cities.koper import NODES
from hil_tests.instruments import broker
from hil_tests.instruments.client import connected
from hil_tests.instruments.current import CurrentMeter, ina226, scpi
from hil_tests.instruments.current import virtual as by_ledger
from hil_tests.instruments.drivers import Place, chosen, names
from hil_tests.instruments.esp32.bench import flashed_board
from hil_tests.instruments.null_modem import null_modem
from hil_tests.instruments.process import BenchError
from hil_tests.plugin import soldered
from provisioning.quickstart import Ports

NODE = NODES[0]
LASTS = 0.4  # s
AMPERE = b"+1.23000000E-02\n"
STEPS = 492  # of 2.5 uV over 0.1 ohm: 12.3 mA


class Shown(NamedTuple):
    meter: CurrentMeter
    flows: float  # mA


# ---- a multimeter on a line


def multimeter(folder: Path, stack: ExitStack, answers: Sequence[bytes] = (AMPERE,)) -> CurrentMeter:
    """Of a pty; the last answer is given again and again."""
    ends = stack.enter_context(null_modem(folder))
    line = stack.enter_context(serial.serial_for_url(str(ends.other), timeout=0.1))
    stop = threading.Event()

    def speak() -> None:
        left = list(answers)
        while not stop.is_set():
            if line.read_until(b"\n") == b"MEAS:CURR:DC?\n":
                line.write(left.pop(0) if len(left) > 1 else left[0])

    thread = threading.Thread(target=speak, daemon=True)
    thread.start()
    stack.callback(thread.join)
    stack.callback(stop.set)
    return opened(stack, "scpi", {"port": str(ends.one)})


# ---- a shunt on a spare board

INA226 = f"""
import sys
class Pin:
    def __init__(self, number):
        self.number = number
class I2C:
    def __init__(self, number, scl, sda, freq):
        assert (number, scl.number, sda.number, freq) == (0, 22, 21, 100000)
        self.configured = self.reads = 0
    def writeto_mem(self, address, register, octets):
        if address != 0x40:
            raise OSError(19)
        assert (register, bytes(octets)) == (0, b"\\x4f\\x25")
        self.configured = 1
    def readfrom_mem(self, address, register, size):
        assert size == 2 and self.configured
        if register == 6:
            self.reads += 1
            return bytes((0, 8 if self.reads % 3 == 0 else 0))
        assert register == 1
        return ({STEPS} if self.reads > 3 else 0).to_bytes(2, "big")
sys.modules["machine"].Pin = Pin
sys.modules["machine"].I2C = I2C
"""
"""The registers of the data sheet, for real MicroPython on a virtual board; a mean that began before is 0."""


def shunt(folder: Path, stack: ExitStack, **more: int) -> CurrentMeter:
    board = flashed_board(folder, {"boot.py": INA226})
    stack.callback(board.unplug)
    return opened(stack, "ina226", {"port": str(board.port), "scl": 22, "sda": 21, "shunt": 0.1, **more})


# ---- a ledger that a node tells

Ledger = dict[str, Any]
FIRST: Ledger = {"online": True, "boot": 5, "awake_ms": 900, "radio_ms": 300, "sensor_ms": 100, "wakes": 5}
LAST: Ledger = {"online": True, "boot": 7, "awake_ms": 3900, "radio_ms": 1300, "sensor_ms": 124, "wakes": 7}
ELAPSED = 10_000


def ledger(directory: Path, stack: ExitStack, last: Ledger | None = None, first: Ledger | None = None) -> CurrentMeter:
    """The node says the first state again and again, and then the last, which is ten seconds younger."""
    (node,) = stack.enter_context(connected(directory, NODE.publisher))
    stop = threading.Event()

    def speak() -> None:
        begun, said = time.time_ns() // 1_000_000 + 60_000, 0
        while not stop.wait(0.1):
            state = {**(first or FIRST), "at": begun} if said < 10 else {**(last or LAST), "at": begun + ELAPSED}
            node.publish(f"koper/v1/{NODE.publisher}/state", json.dumps(state).encode(), retain=True)
            said += 1

    thread = threading.Thread(target=speak, daemon=True)
    thread.start()
    stack.callback(thread.join)
    stack.callback(stop.set)
    city = VirtualCity(Plan(directory, Ports(1, 2), nodes=(NODE,)))
    return opened(stack, "virtual", {}, city)


def in_milliampere() -> float:
    """Of the two ledgers, with the prices of currents.toml, by hand: awake 3000 and booting 2 x 400 of 10,000 ms."""
    table = battery.load()
    chip, sensor = table.chip, table.sensor["mmc5603"]
    asleep = ELAPSED - 3000 - 800
    charge = (chip.deep_sleep + chip.quiescent + sensor.standby) * asleep
    charge += chip.awake * (3000 - 1000 + 800) + chip.radio * 1000 + sensor.on * 24
    return charge / ELAPSED


def opened(stack: ExitStack, driver: str, settings: dict[str, Any], city: VirtualCity | None = None) -> CurrentMeter:
    place = Place(NODE.publisher, city)
    meter: CurrentMeter = stack.enter_context(chosen("current", driver, settings).opened(place))
    return meter


CASES = ["virtual", "scpi", "ina226"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", [*CASES, *soldered(metafunc.config, "current")])


@pytest.fixture
def shown(case: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shown]:
    """On a soldered rig nobody else knows what flows: 0 stands for that."""
    with ExitStack() as stack:
        if case == "virtual":
            yield Shown(ledger(request.getfixturevalue("city_with_a_broker"), stack), in_milliampere())
        elif case == "scpi":
            yield Shown(multimeter(tmp_path, stack), 12.3)
        elif case == "ina226":
            yield Shown(shunt(tmp_path, stack), 12.3)
        else:
            yield Shown(request.getfixturevalue("bench").current[case], 0)


@pytest.fixture
def city_with_a_broker(directory: Path, tmp_path: Path) -> Iterator[Path]:
    program = broker.start("nats", directory, tmp_path / "broker.log")
    yield directory
    program.kill()


def test_there_is_a_case_for_every_driver() -> None:
    assert sorted(CASES) == names("current")


def test_the_mean_is_what_flows_and_takes_its_time(shown: Shown) -> None:
    begun = time.monotonic()
    found = shown.meter.mean(LASTS)
    assert time.monotonic() - begun >= LASTS
    assert found == pytest.approx(shown.flows) if shown.flows else found > 0


def test_a_multimeter_takes_the_mean_of_its_readings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scpi, "time", SimpleNamespace(monotonic=count().__next__))  # a reading takes a second
    with ExitStack() as stack:
        meter = multimeter(tmp_path, stack, [b"0.100\n", b"0.000\n"])
        assert meter.mean(4) == pytest.approx(25)


SAYS = {
    "nothing": (b"", "the multimeter says ''"),
    "no number": (b"ERR\n", "the multimeter says 'ERR'"),
    "too much": (b"9.90000000E+37\n", "over the range"),
}


@pytest.mark.parametrize("said", SAYS)
def test_a_multimeter_that_tells_no_current_is_named(
    said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if said == "nothing":
        monkeypatch.setattr(scpi, "_PATIENCE", 0.3)
    answer, message = SAYS[said]
    with ExitStack() as stack:
        meter = multimeter(tmp_path, stack, [answer])
        with pytest.raises(BenchError, match=f"current of park-0001: {message}"):
            meter.mean(0)


def test_a_shunt_that_nobody_answers_for_is_named(tmp_path: Path) -> None:
    with ExitStack() as stack:
        meter = shunt(tmp_path, stack, address=0x41)
        with pytest.raises(BenchError, match=r"current of park-0001: the board at .*: OSError: .*19"):
            meter.mean(0)


def test_a_board_that_is_not_there_is_named(tmp_path: Path) -> None:
    settings = {"port": str(tmp_path / "absent"), "scl": 22, "sda": 21, "shunt": 0.1}
    with ExitStack() as stack, pytest.raises(BenchError, match=r"current of park-0001: the board at .*absent"):
        opened(stack, "ina226", settings).mean(0)
    with ExitStack() as stack, pytest.raises(BenchError, match="current of park-0001: "):
        opened(stack, "scpi", {"port": "tcp:127.0.0.1:1"})


def test_the_configuration_of_the_shunt_is_the_one_of_its_data_sheet() -> None:
    """Mean of 1024 (111), bus and shunt conversion 1.1 ms (100), shunt only and without end (101); bit 14 is set."""
    assert ina226.CONFIGURATION == 0b0100_111_100_100_101
    assert pytest.approx(1024 * 1.1e-3, rel=1e-3) == ina226.MEAN_S


LEDGERS: dict[str, tuple[Ledger, Ledger, str]] = {
    "none": ({"online": True, "boot": 1}, LAST, "it is not on a battery"),
    "another one": (FIRST, {**LAST, "wakes": 1}, "it lost its power meanwhile"),
    "never the second": (FIRST, {**LAST, "online": False}, "it said nothing of itself"),
}


@pytest.mark.parametrize("wrong", LEDGERS)
def test_a_node_without_a_ledger_over_the_whole_time_is_named(
    wrong: str, city_with_a_broker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if wrong == "never the second":  # what never comes is not waited for as long as what does
        monkeypatch.setattr(by_ledger, "_PATIENCE", 2.0)
    first, last, message = LEDGERS[wrong]
    with ExitStack() as stack:
        meter = ledger(city_with_a_broker, stack, last, first)
        with pytest.raises(BenchError, match=f"park-0001: {message}"):
            meter.mean(0.1)


def test_a_node_that_stays_awake_costs_what_an_awake_chip_costs() -> None:
    table = battery.load()
    found = battery.priced(battery.Spent(10_000, 10_000, 0, 0, 0), "water", table)
    assert found == pytest.approx(table.chip.awake)
    asleep = battery.priced(battery.Spent(10_000, 0, 0, 0, 0), "water", table)
    assert asleep == pytest.approx(battery.standby("water", table))


def test_the_ledger_of_a_whole_day_as_planned_costs_what_the_plan_costs() -> None:
    table = battery.load()
    plan = next(one for one in table.plan if one.kind == "water")
    chip, (reed,) = table.chip, battery.sensors_of("water", table)
    radio = int(plan.reports * (chip.join_ms + chip.handshake_ms + chip.exchange_ms))
    sampling = int(plan.wakes * reed.sample_ms)
    spent = battery.Spent(86_400_000, radio + sampling, radio, sampling, int(plan.wakes))
    assert battery.priced(spent, "water", table) == pytest.approx(battery.mean(plan, table))


@pytest.mark.parametrize(
    ("driver", "settings", "message"),
    [
        ("virtual", {"port": "/dev/x"}, "port: unknown key"),
        ("scpi", {}, "port: Field required"),
        ("scpi", {"port": "COM1"}, "port: expected a serial device"),
        ("ina226", {"port": "/dev/x", "scl": 22, "sda": 21, "shunt": 0}, "shunt: Input should be greater than 0"),
        ("ina226", {"port": "/dev/x", "scl": 99, "sda": 21, "shunt": 1}, "scl: "),
        ("ina226", {"port": "/dev/x", "scl": 22, "sda": 21, "shunt": 1, "address": 1}, "address: "),
    ],
)
def test_wrong_settings_are_refused_by_key(driver: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        chosen("current", driver, settings)
