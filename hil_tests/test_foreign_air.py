"""Do foreign clients read our virtual air sensors as ours do? The makers' own where there are any.

SPS30 (serial), SCD41 and SHT4x: Sensirion's clients, BSD. BME280: RPi.bme280, MIT. PMS5003: plantower, MIT. SDS011:
py-sds011, Apache. For the SPS30 on I2C and for electrochemical cells there is none that could be driven here.
"""

import os
import select
import threading
import tty
from collections.abc import Iterator
from typing import Any, Protocol

import bme280 as rpi_bme280  # type: ignore[import-untyped]
import plantower  # type: ignore[import-untyped]
import pytest
import sds011 as py_sds011  # type: ignore[import-untyped]
from sensirion_driver_adapters.i2c_adapter.i2c_channel import I2cChannel  # type: ignore[import-untyped]
from sensirion_driver_adapters.shdlc_adapter.shdlc_channel import ShdlcChannel  # type: ignore[import-untyped]
from sensirion_i2c_driver import CrcCalculator, I2cConnection  # type: ignore[import-untyped]
from sensirion_i2c_driver.errors import I2cChecksumError  # type: ignore[import-untyped]
from sensirion_i2c_scd4x.device import Scd4xDevice  # type: ignore[import-untyped]
from sensirion_i2c_sht.sht4x import Sht4xI2cDevice  # type: ignore[import-untyped]
from sensirion_shdlc_driver import ShdlcSerialPort  # type: ignore[import-untyped]
from sensirion_shdlc_driver.errors import ShdlcDeviceError, ShdlcResponseError  # type: ignore[import-untyped]
from sensirion_uart_sps30.commands import OutputFormat  # type: ignore[import-untyped]
from sensirion_uart_sps30.device import Sps30Device  # type: ignore[import-untyped]

from hil_tests.instruments.chips import I2cChip
from hil_tests.instruments.chips.bme280 import Bme280
from hil_tests.instruments.chips.plantower import Pms5003
from hil_tests.instruments.chips.sds011 import Sds011
from hil_tests.instruments.chips.sensirion import Scd41, Sht4x
from hil_tests.instruments.chips.sps30 import Sps30
from hil_tests.instruments.chips.wire import Wire

PATIENCE = 10.0  # s, where an answer comes


class Told:
    """What the virtual sensors said that they gave."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.seconds = 1000.0

    def gave(self, values: Any) -> None:
        self.values.update(values)

    def now(self) -> float:
        self.seconds += 5
        return self.seconds


@pytest.fixture
def told() -> Told:
    return Told()


class Heard(Protocol):
    def heard(self, octets: bytes) -> bytes: ...


class Serial:
    """A pty with a virtual sensor at its other end."""

    def __init__(self) -> None:
        self._sensors_end, self._clients_end = os.openpty()
        tty.setraw(self._clients_end)
        self.path = os.ttyname(self._clients_end)
        self._stop, self._stopped = os.pipe()
        self._thread: threading.Thread | None = None

    def connect(self, chip: Heard) -> str:
        self._thread = threading.Thread(target=self._serve, args=(chip,))
        self._thread.start()
        return self.path

    def _serve(self, chip: Heard) -> None:
        while True:
            ready, _, _ = select.select([self._sensors_end, self._stop], [], [])
            if self._stop in ready:
                return
            os.write(self._sensors_end, chip.heard(os.read(self._sensors_end, 256)))

    def close(self) -> None:
        os.write(self._stopped, b"x")
        if self._thread is not None:
            self._thread.join()
        for end in (self._sensors_end, self._clients_end, self._stop, self._stopped):
            os.close(end)


@pytest.fixture
def serial() -> Iterator[Serial]:
    line = Serial()
    yield line
    line.close()


class SensirionBus:
    """Their transceiver (version 1) over our chip."""

    API_VERSION = 1
    STATUS_OK = 0
    description = "virtual"
    channel_count = None

    def __init__(self, chip: I2cChip) -> None:
        self._chip = chip

    def transceive(self, **asked: Any) -> Any:
        assert asked["slave_address"] == self._chip.address
        answer = self._chip.exchange(asked["tx_data"], 0) if asked["tx_data"] else b""
        if asked["rx_length"]:
            answer = self._chip.exchange(b"", asked["rx_length"])
        return self.STATUS_OK, None, answer


class SmBus:
    """What RPi.bme280 asks of an SMBus, over our chip."""

    def __init__(self, chip: I2cChip) -> None:
        self._chip = chip

    def read_byte_data(self, _address: int, register: int) -> int:
        return self._chip.exchange(bytes([register]), 1)[0]

    def read_word_data(self, _address: int, register: int) -> int:
        return int.from_bytes(self._chip.exchange(bytes([register]), 2), "little")

    def write_byte_data(self, _address: int, register: int, octet: int) -> None:
        self._chip.exchange(bytes([register, octet]), 0)

    def read_i2c_block_data(self, _address: int, register: int, size: int) -> list[int]:
        return list(self._chip.exchange(bytes([register]), size))


def test_sensirions_client_reads_our_sps30(told: Told, serial: Serial) -> None:
    chip = Sps30(lambda: (7.5, 125.25, 17.0, 1.0), told.now, Wire(told.gave))
    with ShdlcSerialPort(serial.connect(chip), 115200, additional_response_time=PATIENCE) as port:
        device = Sps30Device(ShdlcChannel(port))
        with pytest.raises(ShdlcDeviceError):
            device.read_measurement_values_float()
        device.start_measurement(OutputFormat.OUTPUT_FORMAT_FLOAT)
        masses = device.read_measurement_values_float()[:4]
        device.start_fan_cleaning()
        device.stop_measurement()
        assert device.read_serial_number() == "ABCD0123456789"
    assert masses == (7.5, 125.25, 17.0, 1.0)
    assert told.values == {"pm1": 7.5, "pm2_5": 125.25, "pm4": 17.0, "pm10": 1.0}
    assert chip.air.cleanings == 1


def test_sensirions_client_refuses_the_damaged_answers_of_our_sps30(told: Told, serial: Serial) -> None:
    chip = Sps30(lambda: (7.5, 125.25, 17.0, 1.0), told.now, Wire(told.gave))
    with ShdlcSerialPort(serial.connect(chip), 115200, additional_response_time=PATIENCE) as port:
        device = Sps30Device(ShdlcChannel(port))
        device.start_measurement(OutputFormat.OUTPUT_FORMAT_FLOAT)
        chip._wire = Wire(told.gave, faults=1.0, seed=3)  # noqa: SLF001 - from here on every answer is damaged
        for _ in range(5):
            with pytest.raises(ShdlcResponseError):
                device.read_measurement_values_float()
    assert told.values == {}


def test_plantower_reads_our_pms5003(told: Told, serial: Serial) -> None:
    chip = Pms5003(lambda: (11.0, 22.4, 33.0), told.now, Wire(told.gave))
    client = plantower.Plantower(port=serial.connect(chip))
    client.mode_change(plantower.PMS_PASSIVE_MODE)
    reading = client.read_in_passive()
    client.serial.close()
    assert (reading.pm10_std, reading.pm25_std, reading.pm100_std) == (11, 22, 33)  # their 10 is PM1.0
    assert (reading.pm10_cf1, reading.pm25_cf1) == (16, 33)
    assert told.values == {"pm1": 11, "pm2_5": 22, "pm10": 33}


def test_py_sds011_reads_our_sds011(told: Told, serial: Serial) -> None:
    chip = Sds011(lambda: (123.6, 261.8), told.now, Wire(told.gave))
    client = py_sds011.SDS011(serial.connect(chip), use_query_mode=True)
    assert client.query() == (123.6, 261.8)
    client.sleep()
    client.ser.timeout = 0.2  # codespell:ignore ser
    assert client.query() is None
    client.ser.timeout = PATIENCE  # codespell:ignore ser
    client.sleep(sleep=False)
    assert client.query() == (123.6, 261.8)
    client.ser.close()  # codespell:ignore ser
    assert told.values == {"pm2_5": 123.6, "pm10": 261.8}


def test_sensirions_client_reads_our_scd41(told: Told) -> None:
    chip = Scd41(lambda: (650.0, 24.5, 41.0), told.now, Wire(told.gave))
    channel = I2cChannel(I2cConnection(SensirionBus(chip)), 0x62, CrcCalculator(8, 0x31, 0xFF, 0x00))
    device = Scd4xDevice(channel)
    assert device.get_serial_number() == 0xF8969F073B31
    device.start_periodic_measurement()
    device.set_ambient_pressure(98700)
    assert device.get_data_ready_status()
    device.read_measurement()  # the first is not to be used
    assert device.get_data_ready_status()
    co2, temperature, humidity = device.read_measurement()
    assert co2.value == told.values["co2"] == 650
    assert abs(temperature.value - 24.5) < 0.01
    assert abs(humidity.value - 41.0) < 0.01
    assert chip.pressure == 987
    device.stop_periodic_measurement()


def test_sensirions_client_reads_our_sht4x_and_refuses_what_is_damaged(told: Told) -> None:
    device = Sht4xI2cDevice(I2cConnection(SensirionBus(Sht4x(lambda: (-12.34, 87.65), Wire(told.gave)))))
    temperature, humidity = device.single_shot_measurement()
    assert abs(temperature.degrees_celsius - told.values["temperature"]) < 0.01
    assert abs(humidity.percent_rh - told.values["relative_humidity"]) < 0.01
    assert abs(told.values["temperature"] + 12.34) < 0.01
    broken = Sht4xI2cDevice(I2cConnection(SensirionBus(Sht4x(lambda: (-12.34, 87.65), Wire(told.gave, faults=1.0)))))
    with pytest.raises(I2cChecksumError):
        broken.single_shot_measurement()


@pytest.mark.parametrize("climate", [(21.5, 55.0, 1008.0), (-19.25, 91.5, 955.5), (41.0, 12.0, 1048.25)])
def test_rpi_bme280_reads_our_bme280(told: Told, climate: tuple[float, float, float]) -> None:
    bus = SmBus(Bme280(lambda: climate, told.gave))
    reading = rpi_bme280.sample(bus, 0x76, rpi_bme280.load_calibration_params(bus, 0x76))
    temperature, humidity, pressure = climate
    assert abs(reading.temperature - temperature) < 0.01
    assert abs(reading.humidity - humidity) < 0.05
    assert abs(reading.pressure - pressure) < 0.02
    assert told.values == {"temperature": temperature, "relative_humidity": humidity, "air_pressure": pressure}
