"""Does a node talk to its air sensors as they want it? Our conversations with the virtual chips, whole and damaged."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import pytest

import firmware.air
from firmware.drivers import DriverError
from hil_tests.instruments.chips.bme280 import Bme280
from hil_tests.instruments.chips.plantower import Pms5003
from hil_tests.instruments.chips.sds011 import Sds011
from hil_tests.instruments.chips.sensirion import Scd41, Sht4x, Sps30I2c
from hil_tests.instruments.chips.sps30 import Sps30
from hil_tests.instruments.chips.wire import Wire

DUST = (7.5, 125.25, 17.0, 1.04)


class Board:
    """A bench with one chip and a clock of its own; the chip may be taken away."""

    def __init__(self) -> None:
        self.ms = 0
        self.chip: Any = None
        self.is_there = True
        self.given: list[dict[str, Any]] = []
        self.wire = Wire(self.gave, seed=11)
        self._waiting = b""

    def seconds(self) -> float:
        return self.ms / 1000

    def monotonic_ms(self) -> int:
        return self.ms

    async def sleep_ms(self, duration: int) -> None:
        self.ms += duration

    def gave(self, values: Mapping[str, object]) -> None:
        self.given.append(dict(values))

    def uart(self, _name: str, _baud: int = 0) -> "Board":
        return self

    i2c = uart

    async def exchange(self, first: Any, second: Any, third: int) -> bytes | None:
        """Of a serial line (request, size, timeout), of a bus (address, request, size)."""
        if isinstance(first, bytes):
            self._waiting = self.chip.heard(first) if self.is_there else b""
            return b""
        if not self.is_there or first != self.chip.address:
            return None
        answer: bytes = self.chip.exchange(second, third)
        return answer

    async def receive(self, size: int, _timeout_ms: int) -> bytes:
        """In pieces, as a line gives it."""
        piece, self._waiting = self._waiting[: min(size, 13)], self._waiting[min(size, 13) :]
        return piece


Make = Callable[[Board], Any]
CHIPS: dict[str, Make] = {
    "sps30": lambda board: Sps30(lambda: DUST, board.seconds, board.wire),
    "sps30_i2c": lambda board: Sps30I2c(lambda: DUST, board.seconds, board.wire),
    "pms5003": lambda board: Pms5003(lambda: (11.0, 22.0, 33.0), board.seconds, board.wire),
    "sds011": lambda board: Sds011(lambda: (123.6, 261.8), board.seconds, board.wire),
    "sht4x": lambda board: Sht4x(lambda: (21.51, 48.25), board.wire),
    "bme280": lambda board: Bme280(lambda: (21.51, 48.25, 1008.4), board.gave),
    "scd41": lambda board: Scd41(lambda: (650.0, 24.5, 41.0), board.seconds, board.wire),
}
PARTICLES = ("sps30", "sps30_i2c", "pms5003", "sds011")


class Sensor(Protocol):
    raw: bytes

    async def read(self) -> dict[str, tuple[int, int]]: ...


def build(name: str, faults: float = 0.0) -> tuple[Board, Any]:
    board = Board()
    board.chip = CHIPS[name](board)
    sensor = import_module(f"firmware.air.{name}").Sensor(board, name)
    if name in PARTICLES:
        asyncio.run(sensor.start())
    board.wire._faults = faults  # noqa: SLF001 - damage begins after the start
    board.ms += 60_000
    return board, sensor


def read(board: Board, sensor: Sensor) -> dict[str, float]:
    """The next values, as numbers."""
    for _ in range(5):
        board.ms += 10_000
        values = asyncio.run(sensor.read())
        if values:
            return {name: integer * 10.0**exponent for name, (integer, exponent) in values.items()}
    raise AssertionError("no values")


@pytest.mark.parametrize("name", CHIPS)
def test_what_a_sensor_gives_is_what_is_read(name: str) -> None:
    board, sensor = build(name)
    for _ in range(3):
        values = read(board, sensor)
        assert values.keys() == board.given[-1].keys()
        for quantity, value in values.items():
            assert value == pytest.approx(board.given[-1][quantity], abs=0.011), quantity
        assert sensor.raw


@pytest.mark.parametrize("name", [name for name in CHIPS if name != "bme280"])
def test_of_many_damaged_answers_none_is_read(name: str) -> None:
    board, sensor = build(name, faults=0.5)
    faults, whole = [], 0
    for _ in range(400):
        board.ms += 10_000
        before = len(board.given)
        try:
            values = asyncio.run(sensor.read())
        except DriverError as error:
            faults.append(str(error))
            continue
        if values:
            whole += 1
            assert len(board.given) > before, values
    assert whole > 25
    assert len(faults) > 50
    assert set(faults) <= {"bad_checksum", "not_ready", "no_answer"}
    assert faults.count("bad_checksum") > 50


@pytest.mark.parametrize("name", CHIPS)
def test_an_absent_sensor_is_no_answer_and_one_that_comes_back_is_read(name: str) -> None:
    board, sensor = build(name)
    read(board, sensor)
    board.is_there = False
    for _ in range(2):
        with pytest.raises(DriverError, match=r"no_answer|not_ready"):
            asyncio.run(sensor.read())
        board.ms += 5_000
    board.is_there = True
    board.ms += 20_000
    with contextlib.suppress(DriverError):  # an SCD41 says once that it had nothing to say
        read(board, sensor)
    assert read(board, sensor)


def test_an_sps30_tells_that_it_was_on_and_that_it_is_off() -> None:
    board, sensor = build("sps30")
    assert asyncio.run(sensor.start()) is False
    asyncio.run(sensor.rest())
    with pytest.raises(DriverError, match="not_measuring"):
        asyncio.run(sensor.read())
    assert asyncio.run(sensor.start()) is True
    asyncio.run(sensor.clean())
    assert board.chip.air.cleanings == 1


def test_an_sps30_on_i2c_is_cleaned_and_stopped() -> None:
    board, sensor = build("sps30_i2c")
    asyncio.run(sensor.clean())
    assert board.chip.air.cleanings == 1
    asyncio.run(sensor.rest())
    board.ms += 10_000
    assert asyncio.run(sensor.read()) == {}


@pytest.mark.parametrize("name", ["pms5003", "sds011"])
def test_a_sensor_that_rests_is_silent_until_it_is_woken(name: str) -> None:
    board, sensor = build(name)
    asyncio.run(sensor.rest())
    with pytest.raises(DriverError, match="no_answer"):
        asyncio.run(sensor.read())
    asyncio.run(sensor.start())
    assert read(board, sensor)


def test_the_first_measurements_of_an_scd41_are_thrown_away() -> None:
    board = Board()
    board.chip = CHIPS["scd41"](board)
    sensor = import_module("firmware.air.scd41").Sensor(board, "co2")
    found = []
    for _ in range(8):
        found.append(asyncio.run(sensor.read()))
        board.ms += 2_600
    assert {"co2": (5000, 0)} not in found
    assert found[-1] == {"co2": (650, 0)} or found[-2] == {"co2": (650, 0)}


def test_an_scd41_that_lost_its_power_is_started_again() -> None:
    board, sensor = build("scd41")
    sensor.pressure = 987
    read(board, sensor)
    assert board.chip.pressure == 987
    board.chip = CHIPS["scd41"](board)
    faults = []
    for _ in range(12):
        board.ms += 5_000
        try:
            values = asyncio.run(sensor.read())
        except DriverError as error:
            faults.append(str(error))
    assert faults == ["not_ready"]
    assert values == {"co2": (650, 0)}


def test_an_scd41_may_be_asked_rarely() -> None:
    board, sensor = build("scd41")
    read(board, sensor)
    for _ in range(5):
        board.ms += 600_000
        assert asyncio.run(sensor.read()) == {"co2": (650, 0)}


def test_a_bmp280_that_was_sold_as_a_bme280_gives_what_it_has() -> None:
    board = Board()
    board.chip = Bme280(lambda: (21.51, 48.25, 1008.4), board.gave, identity=0x58, address=0x77)
    sensor = import_module("firmware.air.bme280").Sensor(board, "climate")
    assert read(board, sensor) == {"temperature": pytest.approx(21.51, abs=0.01), "air_pressure": pytest.approx(1008.4)}


def test_another_chip_at_that_address_is_refused() -> None:
    board = Board()
    board.chip = Bme280(lambda: (21.51, 48.25, 1008.4), board.gave, identity=0x61)
    sensor = import_module("firmware.air.bme280").Sensor(board, "climate")
    with pytest.raises(DriverError, match="wrong_chip"):
        asyncio.run(sensor.read())


def test_every_conversation_of_the_folder_is_tried_here() -> None:
    folder = Path(firmware.air.__file__).parent
    assert {file.stem for file in folder.glob("*.py") if "class Sensor" in file.read_text("utf-8")} == set(CHIPS)
