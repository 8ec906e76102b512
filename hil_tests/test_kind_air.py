"""Air through the real stack, in fast time: what sensors gave is at the API, what was damaged or not ready is not."""

import csv
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

import httpx
import pytest

from hil_tests.cities.city import Plan, VirtualCity
from hil_tests.cities.koper import NodePlan, thing
from hil_tests.instruments.client import connected
from hil_tests.instruments.fast_time import starting_at
from hil_tests.instruments.process import BenchError, answers, find, free_ports, wait_until
from provisioning.quickstart import Ports

SPEED = 10
PERIOD_MS = 60_000
PERIODS = 4
ROUNDED = 0.06
TEMPERATURE, HUMIDITY, PRESSURE, CO2, NO2_PPB = 17.5, 72.0, 998.5, 700.0, 45.0
DUST = {"pm1": 14.0, "pm2_5": 23.0, "pm4": 27.0, "pm10": 34.0}
CELLS = {"no2": {"working_zero": 225, "auxiliary_zero": 245, "sensitivity": -315, "gain": -730}}

try:
    find("micropython")
except BenchError as missing:
    pytest.skip(str(missing), allow_module_level=True)


def dry(wet: float, humidity: float) -> float:
    """Crilley et al. (2018), equation 6, with kappa = 0.4."""
    return wet / (1 + 0.4 / 1.65 / (100 / humidity - 1))


@pytest.fixture(params=["sps30", "pms5003"])
def city(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VirtualCity]:
    school = thing("air-0001", ("Šola", "Scuola", "School"), (13.7325, 45.5440), "environment")
    climate = "bme280" if request.param == "sps30" else "sht4x"
    sensors = {
        "pm_sensor": request.param,
        "climate_sensor": climate,
        "dust": list(DUST.values()),
        "temperature": TEMPERATURE,
        "humidity": HUMIDITY,
        "pressure": PRESSURE,
        "co2": CO2,
        "no2": NO2_PPB,
        "settle": 28.0,
        "faults": 0.1,
    }
    settings = {
        "period_ms": PERIOD_MS,
        "sample_ms": 5000,
        "pm_sensor": request.param,
        "climate_sensor": climate,
        "cells": CELLS,
    }
    node = NodePlan("air-node-0001", "air", school, sensors, settings)
    clock = starting_at(time.time_ns() // 1_000_000 - 3_600_000, SPEED)  # stamps in the past: none is from the future
    plan = Plan(tmp_path / "city", Ports(*free_ports(2)), nodes=(node,), with_meters=False, clock=clock)
    city = VirtualCity(plan)
    city.start()
    yield city
    city.stop()


def rows_of(city: VirtualCity, thing_id: str) -> list[dict[str, str]]:
    answer = city.door.get("/api/series.csv", thing=thing_id)
    if answer.status_code != httpx.codes.OK:
        return []  # nobody has heard of it yet
    return sorted(csv.DictReader(io.StringIO(answer.text)), key=lambda row: int(row["at"]))


def by_quantity(rows: list[dict[str, str]]) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        found.setdefault(row["quantity"], []).append(row)
    return found


def truth(city: VirtualCity) -> list[dict[str, Any]]:
    return [json.loads(line) for file in city.truth for line in file.read_text("utf-8").splitlines()]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_known_air_arrives_and_nothing_else(city: VirtualCity) -> None:
    def has_arrived() -> bool:
        assert city.supervise() == [], city.programs["air-node-0001"].last_lines()
        return len(by_quantity(rows_of(city, "air-0001")).get("pm10_corrected", ())) >= PERIODS

    wait_until(has_arrived, "four periods with dust are at the API", 150)
    found, given = by_quantity(rows_of(city, "air-0001")), truth(city)
    ends = [int(row["at"]) for row in found["temperature"]]  # of the periods, each as long as its last look let it be

    for quantity in ("pm1", "pm2_5", "pm4", "pm10", "co2", "temperature", "relative_humidity", "air_pressure"):
        told = [(entry["at"], entry["values"][quantity]) for entry in given if quantity in entry["values"]]
        assert (quantity in found) == bool(told), quantity
        for row in found.get(quantity, ()):
            at, value = int(row["at"]), float(row["value"])
            begin = max((end for end in ends if end < at), default=0)
            within = [one for moment, one in told if begin < moment <= at]
            low, high = min(within), max(within)
            assert low - ROUNDED <= value <= high + ROUNDED, (quantity, row, within)
            # two of the answers may not have been waited for, or came before the sensor was warm
            spare = 2 * (high - low) / len(within) + ROUNDED
            assert value == pytest.approx(fmean(within), abs=spare), (quantity, row, within)
            assert (row["period"], row["quality"]) == (str(PERIOD_MS), "valid"), row

    for row in found["pm2_5_corrected"]:
        wet = next(float(one["value"]) for one in found["pm2_5"] if one["at"] == row["at"])
        assert float(row["value"]) == pytest.approx(dry(wet, HUMIDITY), rel=0.01)
        assert row["quality"] == "valid"
    for row in found["no2"]:
        # a converter in whole millivolts and 192 readings: half a microgram is 0.06 mV
        assert float(row["value"]) == pytest.approx(NO2_PPB * 1.9125, abs=2.5)
        assert row["quality"] == "suspect"  # two hours under power have not passed
    print({name: [row["value"] for row in rows] for name, rows in found.items()})

    assert int(found["air_flags"][0]["value"]) & 16  # the cells are cold
    assert float(found["fan_hours"][-1]["value"]) > 0.04
    faults = faults_of(city)
    print(faults)
    damaged = sum(count for name, count in faults.items() if name.endswith("_bad_checksum"))
    assert damaged >= 3, faults  # a tenth of the answers, of two sensors or three
    assert "fault_pm_stuck" not in faults


def faults_of(city: VirtualCity) -> dict[str, int]:
    """What the node counted, from the state that it tells when it meets its broker again."""
    city.programs["collector"].kill()  # its name is free for us then
    city.kill("broker")
    wait_until(lambda: answers(city.plan.ports.mqtt), "the broker listens again")
    states: list[dict[str, Any]] = []
    with connected(city.plan.directory, "collector") as (client,):
        client.subscribe("koper/v1/air-node-0001/state")

        def has_told() -> bool:
            states.extend(json.loads(payload) for _, payload in client.everything(0.2))
            return any(_is_new(state) for state in states)

        wait_until(has_told, "the node tells its state", 120)
    told = next(state for state in states if _is_new(state))
    return {name: count for name, count in told.items() if name.startswith("fault_")}


def _is_new(state: dict[str, Any]) -> bool:
    """No will, and not the state that the broker had kept."""
    return bool(state["online"]) and state["connections"] >= 2
