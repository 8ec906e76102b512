"""Programs we did not write agree with us: mosquitto's and frost's clients against a city in full traffic."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import frost_sta_client as frost
import pytest
from frost_sta_client.service.auth_handler import AuthHandler

from hil_tests.cities.city import Plan, VirtualCity
from hil_tests.instruments.process import Program, answers, free_ports, wait_until
from hil_tests.judging.door import Door
from hil_tests.judging.verdict import fetch
from provisioning.quickstart import Ports


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualCity]:
    city = VirtualCity(Plan(tmp_path_factory.mktemp("third") / "city", Ports(*free_ports(2))))
    try:
        city.start()
        wait_until(lambda: len(fetch(city.door, city.publishers)) > 20, "values arrive", 120)
        yield city
    finally:
        city.stop()


def mosquitto(city: VirtualCity, program: str, name: str, *options: str) -> list[str]:
    files = city.plan.directory / "certificates" / name
    tls = ["--cafile", str(city.plan.directory / "ca/ca.pem"), "--cert", f"{files}.pem", "--key", f"{files}.key"]
    found = shutil.which(program)
    assert found, f"{program} is not installed: run `make setup`"
    return [found, "-h", "localhost", "-p", str(city.plan.ports.mqtt), *tls, *options]


def test_mosquitto_sub_shows_a_readable_reading_to_the_reader(city: VirtualCity) -> None:
    command = mosquitto(city, "mosquitto_sub", "reader", "-t", "koper/v1/park-0001/reading", "-C", "1", "-W", "20")
    heard = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    message = json.loads(heard)
    (reading, *_) = message["readings"]
    assert reading["thing"] == "spot-0001"
    assert reading["values"]["occupancy"] in ("free", "occupied")
    assert abs(reading["at"] - time.time() * 1000) < 60_000


def test_mosquitto_pub_adds_a_reading_that_is_stored(city: VirtualCity) -> None:
    reading = {"readings": [{"thing": "spot-0001", "at": int(time.time() * 1000), "values": {"battery_voltage": 3.61}}]}
    topic = "koper/v1/park-0001/reading"
    command = mosquitto(
        city, "mosquitto_pub", "park-0001", "-i", "by-hand", "-q", "1", "-t", topic, "-m", json.dumps(reading)
    )
    subprocess.run(command, check=True, timeout=120)
    wait_until(lambda: ("spot-0001", "battery_voltage") in fetch(city.door, ["spot-0001"]), "the reading is stored")
    (stored,) = fetch(city.door, ["spot-0001"])["spot-0001", "battery_voltage"]
    assert (stored.value, stored.unit) == (3.61, "V")


def test_frost_lists_things_and_observations(city: VirtualCity) -> None:
    volume = ("shaft-0001", "water_volume")
    wait_until(lambda: len(fetch(city.door, ["shaft-0001"]).get(volume, ())) > 5, "more than one page is stored")
    service = frost.SensorThingsService(f"{city.url}/v1.1", auth_handler=AuthHandler("judge", city.door.token))
    things = list(service.things().query().filter("properties/id eq 'shaft-0001'").list())
    assert [one.name for one in things] == ["Shaft Semedela"]
    streams = list(things[0].get_datastreams().query().filter("name eq 'shaft-0001 water_volume'").list())
    assert streams[0].unit_of_measurement.symbol == "m3"
    observations = list(streams[0].get_observations().query().orderby("phenomenonTime", "asc").top(3).list())
    truth = [one.value for one in fetch(city.door, ["shaft-0001"])[volume]]
    assert len(observations) >= 5  # more than one page: it followed the links
    assert [one.result for one in observations][:5] == truth[:5]


def test_frost_lists_every_thing_of_the_inventory(city: VirtualCity) -> None:
    service = frost.SensorThingsService(f"{city.url}/v1.1", auth_handler=AuthHandler("judge", city.door.token))
    listed = {one.description for one in service.things().query().list()}
    assert set(city.publishers) <= listed


def test_a_first_reading_appears_without_a_manual(tmp_path: Path) -> None:
    """The collector started with nothing: it makes its city, and its own line makes a first reading appear."""
    mqtt, http = free_ports(2)
    quickstart = [sys.executable, "-m", "provisioning", "quickstart", "senzorika-data"]
    ports = ["--mqtt-port", str(mqtt), "--http-port", str(http)]
    subprocess.run([*quickstart, *ports], cwd=tmp_path, check=True, capture_output=True)
    collector = Program("collector", [sys.executable, "-m", "collector"], tmp_path / "log", directory=tmp_path)
    collector.start()
    try:
        wait_until(lambda: answers(http), f"the page is served: {collector.last_lines()}")
        wait_until(lambda: "mosquitto_pub" in collector.last_lines(), "the line is printed")
        line = next(line for line in collector.last_lines().splitlines() if "mosquitto_pub" in line)
        subprocess.run(line, shell=True, check=True, timeout=120)  # noqa: S602  # as a person pastes it
        found = Door(f"http://127.0.0.1:{http}")  # as anyone: parking is open
        wait_until(lambda: ("spot-0001", "occupancy") in fetch(found, ["spot-0001"]), "a first reading appears")
    finally:
        collector.stop()
    wait_until(lambda: not answers(mqtt), "the embedded broker ends with its collector")
