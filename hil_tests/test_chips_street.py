"""Virtual chips of the street, read by clients of other people: what they read is what was there."""

from collections.abc import Callable
from typing import Any

import adafruit_mmc56x3  # type: ignore[import-untyped]  # ships no types
import adafruit_qmc5883p  # type: ignore[import-untyped]  # ships no types
import adafruit_vl53l1x  # type: ignore[import-untyped]  # ships no types
import pytest
from aio_ld2410.protocol import Report, ReportFrame
from micropython_qmc5883l import qmc5883l  # type: ignore[import-untyped]  # ships no types

from firmware.drivers import ld2410 as our_ld2410
from firmware.spot.magnetometer import Magnetometer
from firmware.spot.time_of_flight import TimeOfFlight
from hil_tests.instruments.chips import I2cChip, bus, ld2410
from hil_tests.instruments.chips.magnetometers import Mmc5603, Qmc5883l, Qmc5883p
from hil_tests.instruments.chips.vl53l1x import Vl53l1x

FIELD = (21_300.0, -4_700.0, 42_900.0)


class ForeignBus:
    """The I2C of two foreign families of clients (busio, machine), over one virtual chip."""

    def __init__(self, chip: I2cChip) -> None:
        self._chip = chip

    def try_lock(self) -> bool:
        return True

    def unlock(self) -> None:
        pass

    def _at(self, address: int) -> I2cChip:
        if address != self._chip.address:
            raise OSError(19)
        return self._chip

    def writeto(self, address: int, octets: bytes, *, start: int = 0, end: int | None = None) -> None:
        self._at(address).exchange(bytes(octets[start:end]), 0)

    def readfrom_into(self, address: int, into: bytearray, *, start: int = 0, end: int | None = None) -> None:
        size = len(into[start:end])
        into[start : start + size] = self._at(address).exchange(b"", size)

    def writeto_then_readfrom(  # noqa: PLR0913 - busio's own
        self,
        address: int,
        octets: bytes,
        into: bytearray,
        *,
        out_start: int = 0,
        out_end: int | None = None,
        in_start: int = 0,
        in_end: int | None = None,
    ) -> None:
        size = len(into[in_start:in_end])
        into[in_start : in_start + size] = self._at(address).exchange(bytes(octets[out_start:out_end]), size)

    def readfrom_mem(self, address: int, register: int, size: int) -> bytes:
        return self._at(address).exchange(bytes((register,)), size)

    def writeto_mem(self, address: int, register: int, octets: bytes) -> None:
        self._at(address).exchange(bytes((register,)) + octets, 0)


class OurBus:
    """The I2C of our kinds of node, over the same line of JSON that the simulated board speaks."""

    def __init__(self, *chips: I2cChip) -> None:
        self._ask = bus(*chips)

    async def exchange(self, address: int, request: bytes, size: int) -> bytes | None:
        octets = self._ask({"address": address, "write": request.hex(), "read": size})["read"]
        return None if octets is None else bytes.fromhex(octets)


async def at_once(_milliseconds: int) -> None:
    pass


def field() -> tuple[float, float, float]:
    return FIELD


def degrees() -> float:
    return 17.0


def read_qmc5883l(chip: Qmc5883l) -> list[float]:
    client = qmc5883l.QMC5883L(ForeignBus(chip))
    return [axis * 100_000 for axis in client.magnetic]  # gauss


def read_qmc5883p(chip: Qmc5883p) -> list[float]:
    client = adafruit_qmc5883p.QMC5883P(ForeignBus(chip))
    return [axis * 100_000 for axis in client.magnetic]  # gauss


def read_mmc5603(chip: Mmc5603) -> list[float]:
    client = adafruit_mmc56x3.MMC5603(ForeignBus(chip))
    client._ctrl0_reg = 0x08  # its reset() leaves the coil turned: SET, so that the sign is that of the field  # noqa: SLF001
    return [axis * 1000 * 16000 / 16384 for axis in client.magnetic]  # uT, at 16000 counts for the gauss


CHIPS: list[tuple[I2cChip, Callable[[Any], list[float]]]] = [
    (Qmc5883l(field, degrees), read_qmc5883l),
    (Qmc5883p(field), read_qmc5883p),
    (Mmc5603(field, degrees), read_mmc5603),
]


@pytest.mark.parametrize(("chip", "foreign"), CHIPS)
async def test_a_foreign_client_and_ours_read_the_same_field(
    chip: I2cChip, foreign: Callable[[Any], list[float]]
) -> None:
    assert foreign(chip) == pytest.approx(FIELD, abs=80)
    ours, _celsius = await Magnetometer(OurBus(chip), at_once).measure()
    assert ours == pytest.approx(FIELD, abs=80)


async def test_the_offset_of_an_mmc5603_misleads_the_foreign_client_and_not_ours() -> None:
    chip = Mmc5603(field, degrees, offset=30_000)
    assert read_mmc5603(chip) == pytest.approx([axis + 30_000 for axis in FIELD], abs=80)
    ours, celsius = await Magnetometer(OurBus(chip), at_once).measure()
    assert ours == pytest.approx(FIELD, abs=80)
    assert celsius == 17


def test_the_foreign_client_reads_the_temperature_of_an_mmc5603() -> None:
    client = adafruit_mmc56x3.MMC5603(ForeignBus(Mmc5603(field, degrees)))
    assert client.temperature == pytest.approx(17, abs=0.5)


@pytest.mark.parametrize("distance", [41, 1234, 3999])
async def test_a_foreign_client_and_ours_read_the_same_distance(distance: int) -> None:
    foreign = adafruit_vl53l1x.VL53L1X(ForeignBus(Vl53l1x(lambda: distance)))
    foreign.start_ranging()
    assert foreign.data_ready
    assert foreign.distance == distance / 10
    ours = await TimeOfFlight(OurBus(Vl53l1x(lambda: distance)), at_once).measure()
    assert ours.distance_mm == distance


def test_the_foreign_client_reads_no_distance_where_nothing_comes_back() -> None:
    foreign = adafruit_vl53l1x.VL53L1X(ForeignBus(Vl53l1x(lambda: None)))
    foreign.start_ranging()
    assert foreign.distance is None


GATES = bytes(range(18))


@pytest.mark.parametrize("gates", [None, GATES])
def test_a_foreign_parser_and_ours_read_the_same_report(gates: bytes | None) -> None:
    frame = ld2410.report(ld2410.MOVING | ld2410.STATIC, (121, 47), (98, 100), gates)
    foreign = Report.parse(ReportFrame.parse(frame).data).data
    ours = our_ld2410.report(frame)
    basic = foreign.basic
    assert (ours.moving_cm, ours.moving_energy) == (basic.moving_distance, basic.moving_energy) == (121, 47)
    assert (ours.static_cm, ours.static_energy) == (basic.static_distance, basic.static_energy) == (98, 100)
    assert ours.detection_cm == basic.detection_distance == 121
    if gates:
        energies = foreign.engineering.moving_gate_energy, foreign.engineering.static_gate_energy
        assert (list(ours.moving_gates), list(ours.static_gates)) == tuple(map(list, energies))
