"""Air that is measured: ``pm``, ``climate``, ``co2``, ``no2_working`` and ``no2_auxiliary``, whichever are wired.

sensors = ["pm", "climate", "co2", "no2"]
pm_sensor = "sps30"              # or sps30_i2c, pms5003, sds011
climate_sensor = "bme280"        # or sht4x
dust = [8.0, 12.0, 15.0, 20.0]   # PM1, PM2.5, PM4, PM10 in ug/m3; all swing by 2 %
temperature = 21.5
humidity = 55.0
pressure = 1008.0                # hPa
co2 = 650.0                      # ppm
no2 = 40.0                       # ppb
settle = 25.0                    # seconds after its start in which the particle sensor gives nonsense
faults = 0.0                     # share of damaged answers of sensors that have a checksum

The truth file has what arrived whole and was no nonsense.
"""

import asyncio
import math
import random
from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

from pydantic import Field

from hil_tests.instruments.chips import I2cChip, bus
from hil_tests.instruments.chips.bme280 import Bme280
from hil_tests.instruments.chips.cells import Certificate, converted, working
from hil_tests.instruments.chips.plantower import Pms5003
from hil_tests.instruments.chips.sds011 import Sds011
from hil_tests.instruments.chips.sensirion import Scd41, Sht4x, Sps30I2c
from hil_tests.instruments.chips.sps30 import Sps30
from hil_tests.instruments.chips.wire import Wire
from hil_tests.instruments.scenario import Strict
from hil_tests.instruments.virtual import Connected, Site, lines

NO2_CERTIFICATE = Certificate(225, 245, -315, -0.73)
_AUXILIARY_MV = 250.0
_SWING_S = 47.0


class Settings(Strict):
    sensors: list[Literal["pm", "climate", "co2", "no2"]] = Field(default=["pm", "climate", "co2", "no2"], min_length=1)
    pm_sensor: Literal["sps30", "sps30_i2c", "pms5003", "sds011"] = "sps30"
    climate_sensor: Literal["bme280", "sht4x"] = "bme280"
    dust: tuple[float, float, float, float] = (8.0, 12.0, 15.0, 20.0)
    temperature: float = Field(default=21.5, ge=-40, le=85)
    humidity: float = Field(default=55.0, ge=0, le=100)
    pressure: float = Field(default=1008.0, ge=850, le=1100)
    co2: float = Field(default=650.0, ge=0, le=40000)
    no2: float = Field(default=40.0, ge=0, le=500)
    settle: float = Field(default=25.0, ge=0)
    faults: float = Field(default=0.0, ge=0, le=1)


class SerialChip(Protocol):
    def heard(self, octets: bytes) -> bytes: ...


class World:
    """What there is now."""

    def __init__(self, settings: Settings, site: Site) -> None:
        self._settings = settings
        self._site = site
        self._random = random.Random(site.seed)

    def _swing(self) -> float:
        return 1 + 0.02 * math.sin(2 * math.pi * self._site.seconds() / _SWING_S)

    def dust(self) -> tuple[float, float, float, float]:
        swing = self._swing()
        one, two, four, ten = (amount * swing for amount in self._settings.dust)
        return one, two, four, ten

    def climate(self) -> tuple[float, float, float]:
        """Degrees, percent, hPa, with the little noise that every sensor has."""
        settings, chance = self._settings, self._random
        humidity = settings.humidity + chance.gauss(0, 0.02)
        return settings.temperature + chance.gauss(0, 0.01), humidity, settings.pressure + chance.gauss(0, 0.02)

    def co2(self) -> tuple[float, float, float]:
        temperature, humidity, _ = self.climate()
        return self._settings.co2 * self._swing(), temperature + 3, humidity

    def electrode(self, name: str) -> Connected:
        """Over the noise of the converter the mean is what counts."""
        millivolt = _AUXILIARY_MV
        if name == "working":
            celsius = self._settings.temperature
            millivolt = working("no2", NO2_CERTIFICATE, self._settings.no2, _AUXILIARY_MV, celsius)

        def answer(_question: dict[str, Any]) -> dict[str, Any]:
            return {"mv": converted(millivolt, self._random)}

        return lines(answer)


def serve(settings: Settings, site: Site) -> Mapping[str, Connected]:
    world, wire = World(settings, site), Wire(site.gave, settings.faults, site.seed)

    def climate() -> I2cChip:
        if settings.climate_sensor == "sht4x":
            return Sht4x(lambda: world.climate()[:2], wire)
        return Bme280(world.climate, site.gave)

    wires: dict[str, Callable[[], dict[str, Connected]]] = {
        "pm": lambda: {"pm": _particles(settings, site, world, wire)},
        "climate": lambda: {"climate": lines(bus(climate()))},
        "co2": lambda: {"co2": lines(bus(Scd41(world.co2, site.seconds, wire)))},
        "no2": lambda: {f"no2_{name}": world.electrode(name) for name in ("working", "auxiliary")},
    }
    return {name: connected for sensor in settings.sensors for name, connected in wires[sensor]().items()}


def _particles(settings: Settings, site: Site, world: World, wire: Wire) -> Connected:
    if settings.pm_sensor == "sps30_i2c":
        return lines(bus(Sps30I2c(world.dust, site.seconds, wire, settings.settle)))
    if settings.pm_sensor == "pms5003":
        return _serial(Pms5003(lambda: _without_pm4(world.dust()), site.seconds, wire, settings.settle))
    if settings.pm_sensor == "sds011":
        return _serial(Sds011(lambda: _without_pm4(world.dust())[1:], site.seconds, wire, settings.settle))
    return _serial(Sps30(world.dust, site.seconds, wire, settings.settle))


def _without_pm4(dust: tuple[float, float, float, float]) -> tuple[float, float, float]:
    return dust[0], dust[1], dust[3]


def _serial(chip: SerialChip) -> Connected:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while octets := await reader.read(256):
            writer.write(chip.heard(octets))
            await writer.drain()

    return serve
