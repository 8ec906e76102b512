"""What is in the air here? Dust, CO2, climate and gases: whichever sensors ``hal`` wires.

``pm`` is the particle sensor that ``pm_sensor`` names, ``climate`` the one that ``climate_sensor`` names, ``co2`` an
SCD41, and ``no2_working`` with ``no2_auxiliary`` (also o3, co, so2) are electrochemical cells. Every ``sample_ms`` each
is asked; what is published is the mean of a period, with the dust also as it would be without water.

What is doubtful is published and marked suspect: outside the quantity's range, a jump, the same answer for long, gas
before its cells are warm, dust corrected at over 95 % humidity. What a sensor says while it warms up or cleans its fan
is not published at all. ``air_flags`` are the bits below, since the last report.
"""

from firmware.air.cells import Cells, certificates
from firmware.air.humidity import CAP, dry
from firmware.air.mean import Means
from firmware.air.memory import Memory
from firmware.air.particles import Particles
from firmware.air.plausible import Plausible
from firmware.drivers import DriverError
from firmware.drivers.electrochemical import GASES, LIFE_D, WARM_UP_MS
from firmware.drivers.stuck import Stuck
from firmware.nodes import Sample
from firmware.settings import SettingsError, between

NO_DUST, CLEANING, STUCK, WORN_OUT, COLD_CELLS, TOO_HUMID = 1, 2, 4, 8, 16, 32


def one_of(*names: str):
    def check_one(key: str, value):
        if value not in names:
            raise SettingsError(key + ": expected one of " + " ".join(names))
        return value

    return check_one


KEYS = {}
OPTIONAL = {
    "pm_sensor": (one_of("sps30", "sps30_i2c", "pms5003", "sds011"), "sps30"),
    "climate_sensor": (one_of("bme280", "sht4x"), "bme280"),
    "cells": (certificates, {}),
    "sample_ms": (between(1000, 600000), 10000),
    "pm_measure_ms": (between(0, 3600000), 0),  # of each period; 0: what suits the sensor
    "kappa_percent": (between(0, 200), 40),
    "pm_exchanges": (between(0, 65535), 0),  # one more when a new sensor is put in
    "cell_exchanges": (between(0, 65535), 0),
}
DUST = ("pm1", "pm2_5", "pm4", "pm10")
CORRECTED = {"pm1": "pm1_corrected", "pm2_5": "pm2_5_corrected", "pm10": "pm10_corrected"}
ELECTRODES = tuple(
    [name + ".u" + str(unit) for unit in (1, 2, 3, 4) for name in ("electrode_working", "electrode_auxiliary")]
)
QUANTITIES = DUST + tuple(CORRECTED.values()) + ("co2", "temperature", "relative_humidity", "air_pressure")
QUANTITIES += GASES + ELECTRODES + ("air_flags", "fan_hours", "sensor_life")
BATTERY = False


class Air:
    """``sensors``: name -> sensor, of ``climate`` and ``co2``; ``particles`` and ``cells`` may be None."""

    def __init__(self, settings: dict, hal, memory: Memory, sensors: dict, particles, cells) -> None:
        self.period_ms = min(settings["sample_ms"], settings["period_ms"])
        self.faults = {}
        self._settings = settings
        self._monotonic_ms = hal.monotonic_ms
        self._memory = memory
        self._sensors = sensors
        self._particles = particles
        self._cells = cells
        self._plausible = {}
        self._stuck = {}
        self._end_ms = hal.monotonic_ms() + settings["period_ms"]
        self._cells_counted_ms = 0
        self._begin()

    def _begin(self) -> None:
        self._means = Means()
        self._suspect = set()
        self._flags = 0

    async def sample(self) -> list:
        """Ask every sensor; at the end of the period, say what it was."""
        for name, sensor in self._sensors.items():
            await self._ask(name, sensor.read(), sensor)
        if self._particles is not None:
            now = self._monotonic_ms()
            await self._ask("pm", self._particles.read(now, self._end_ms - now), self._particles.sensor)
        if self._cells is not None:
            for gas in self._cells.wired:
                await self._ask(gas, self._cells.read(gas), None)
        if self._monotonic_ms() < self._end_ms:
            return []
        return self._report()

    async def _ask(self, name: str, reading, sensor) -> None:
        try:
            values = await reading
        except DriverError as error:
            self._fault(name + "_" + str(error))
            return
        if values:
            self._take(values, sensor is not None and self._is_stuck(name, sensor))

    def _is_stuck(self, name: str, sensor) -> bool:
        if name not in self._stuck:
            self._stuck[name] = Stuck(sensor.STUCK_AFTER)
        if not self._stuck[name].is_stuck(sensor.raw):
            return False
        self._flags |= STUCK
        self._fault(name + "_stuck")
        return True

    def _take(self, values: dict, is_stuck: bool) -> None:
        now = self._monotonic_ms()
        for quantity, value in values.items():
            if quantity not in self._plausible:
                self._plausible[quantity] = Plausible(quantity)
            if not self._plausible[quantity].is_plausible(value, now) or is_stuck:
                self._suspect.add(quantity)
            self._means.add(quantity, value)

    def _report(self) -> list:
        self._end_ms += self._settings["period_ms"] * (
            1 + (self._monotonic_ms() - self._end_ms) // self._settings["period_ms"]
        )
        values = self._means.values()
        self._correct(values)
        self._compute_gases(values)
        self._tell_pressure(values)
        samples = []
        if values:
            quality = {quantity: "suspect" for quantity in self._suspect if quantity in values}
            samples.append(Sample(values, False, None, self._settings["period_ms"], quality))
        samples.append(Sample(self._state(values), False, self._memory.note()))
        self._begin()
        return samples

    def _correct(self, values: dict) -> None:
        """Dust without its water, where the humidity is known."""
        if "relative_humidity" not in values:
            return
        humidity = values["relative_humidity"][0] // 10  # hundredths
        for quantity, corrected in CORRECTED.items():
            if quantity in values:
                wet, exponent = values[quantity]
                values[corrected] = (dry(wet, humidity, self._settings["kappa_percent"]), exponent)
                if humidity > CAP:
                    self._flags |= TOO_HUMID
                if humidity > CAP or self._suspect & {quantity, "relative_humidity"}:
                    self._suspect.add(corrected)

    def _compute_gases(self, values: dict) -> None:
        if self._cells is None:
            return
        now = self._monotonic_ms()
        self._memory.gas_s += (now - self._cells_counted_ms) // 1000
        self._cells_counted_ms = now - (now - self._cells_counted_ms) % 1000
        gases = self._cells.gases(values)
        for gas, value in gases.items():
            values[gas] = value
            if now < WARM_UP_MS or value[0] < 0 or self._suspect & self._cells.grounds(gas):
                self._suspect.add(gas)
        if now < WARM_UP_MS:
            self._flags |= COLD_CELLS

    def _tell_pressure(self, values: dict) -> None:
        """An SCD41 compensates for the air pressure."""
        if "co2" in self._sensors and "air_pressure" in values and "air_pressure" not in self._suspect:
            integer, exponent = values["air_pressure"]
            self._sensors["co2"].pressure = integer // 10**-exponent

    def _state(self, values: dict) -> dict:
        state, lives = {}, []
        if self._particles is not None:
            state["fan_hours"] = (self._memory.fan_s // 36, -2)
            lives.append(self._particles.life_left_d())
            if "pm2_5" not in values:
                self._flags |= NO_DUST
            if self._particles.is_cleaning:
                self._flags |= CLEANING
                self._particles.is_cleaning = False
        if self._cells is not None:
            lives.append(max(LIFE_D - self._memory.gas_s // 86400, 0))
        if lives:
            state["sensor_life"] = min(lives)
            if not state["sensor_life"]:
                self._flags |= WORN_OUT
        state["air_flags"] = self._flags
        return state

    def keep(self, note: bytes) -> None:
        """A power cut costs at most the hours of one period."""

    def _fault(self, name: str) -> None:
        self.faults[name] = self.faults.get(name, 0) + 1


def make(settings: dict, hal, note: bytes) -> Air:
    memory = Memory(note, settings["pm_exchanges"], settings["cell_exchanges"])
    sensors, particles, cells = {}, None, None
    if hal.has("climate"):
        sensors["climate"] = _sensor(settings["climate_sensor"], hal, "climate")
    if hal.has("co2"):
        sensors["co2"] = _sensor("scd41", hal, "co2")
    if hal.has("pm"):
        sensor = _sensor(settings["pm_sensor"], hal, "pm")
        particles = Particles(sensor, memory, settings["period_ms"], settings["pm_measure_ms"])
    if settings["cells"] or any(hal.has(gas + "_working") for gas in GASES):
        cells = Cells(hal, settings["cells"])
    if not sensors and particles is None and cells is None:
        raise ValueError("none of pm, climate, co2 and no2_working is wired")
    made = Air(settings, hal, memory, sensors, particles, cells)
    if note and memory.is_new:
        made.faults["note_unreadable"] = 1
    return made


def _sensor(module: str, hal, name: str):
    """Only what is wired is loaded."""
    return getattr(__import__("firmware.air." + module).air, module).Sensor(hal, name)
