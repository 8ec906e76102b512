"""What is in the air here? Dust, CO2, climate and gases: whichever sensors ``hal`` wires.

``pm`` is the particle sensor that ``pm_sensor`` names, ``climate`` the one that ``climate_sensor`` names, ``co2`` an
SCD41, and ``no2_working`` with ``no2_auxiliary`` (also o3, co, so2) are electrochemical cells. Every ``sample_ms`` each
is asked; what is published is the mean of a period, with the dust also as it would be without water.

What is doubtful is published and marked suspect: outside the quantity's range, a jump, the same answer for long, gas
before its cells are warm, dust corrected at over 95 % humidity. What a sensor says while it warms up or cleans its fan
is not published at all. ``air_flags`` are the bits below, since the last report.
"""

from firmware.air.memory import Memory
from firmware.air.station import Air
from firmware.forgetting import recall
from firmware.settings import SettingsError, between


def one_of(*names: str):
    def check_one(key: str, value):
        if value not in names:
            raise SettingsError(key + ": expected one of " + " ".join(names))
        return value

    return check_one


def cells(key: str, value) -> dict:
    from firmware.air.certificates import certificates

    return certificates(key, value)


KEYS = {}
OPTIONAL = {
    "pm_sensor": (one_of("sps30", "sps30_i2c", "pms5003", "sds011"), "sps30"),
    "climate_sensor": (one_of("bme280", "sht4x"), "bme280"),
    "cells": (cells, {}),
    "sample_ms": (between(1000, 600000), 10000),
    "pm_measure_ms": (between(0, 3600000), 0),  # of each period; 0: what suits the sensor
    "kappa_percent": (between(0, 200), 40),
    "pm_exchanges": (between(0, 65535), 0),  # one more when a new sensor is put in
    "cell_exchanges": (between(0, 65535), 0),
}
BATTERY = False


def __getattr__(name: str):
    """``QUANTITIES``: made when it is asked for, which no node does."""
    if name != "QUANTITIES":
        raise AttributeError(name)
    quantities = "pm1 pm2_5 pm4 pm10 pm1_corrected pm2_5_corrected pm10_corrected co2 temperature relative_humidity "
    quantities += "air_pressure no2 o3 co so2 air_flags fan_hours sensor_life"
    electrodes = ["electrode_" + name + ".u" + unit for name in ("working", "auxiliary") for unit in "1234"]
    return tuple(quantities.split() + electrodes)


def make(settings: dict, hal, note: bytes) -> Air:
    """Only what is wired is loaded."""
    memory = Memory(note, settings["pm_exchanges"], settings["cell_exchanges"])
    sensors, particles, cells = {}, None, None
    if hal.has("climate"):
        sensors["climate"] = _sensor(settings["climate_sensor"], hal, "climate")
    if hal.has("co2"):
        sensors["co2"] = _sensor("scd41", hal, "co2")
    if hal.has("pm"):
        from firmware.air.particles import Particles

        sensor = _sensor(settings["pm_sensor"], hal, "pm")
        particles = Particles(sensor, memory, settings["period_ms"], settings["pm_measure_ms"])
    if settings["cells"] or any(hal.has(gas + "_working") for gas in ("no2", "o3", "co", "so2")):
        from firmware.air.cells import Cells

        cells = Cells(hal, settings["cells"], memory)
    if not sensors and particles is None and cells is None:
        raise ValueError("none of pm, climate, co2 and no2_working is wired")
    made = Air(settings, hal, memory, sensors, particles, cells)
    if note and memory.is_new:
        made.faults["note_unreadable"] = 1
    return made


def _sensor(module: str, hal, name: str):
    return recall("air." + module).Sensor(hal, name)
