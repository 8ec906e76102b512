"""A board comes into use: first without a network, and finished when its readings reach a real collector."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hil_tests.instruments.client import connected
from hil_tests.instruments.process import Program, answers, free_ports, wait_until
from hil_tests.judging.door import Door, opened
from provisioning.__main__ import main as provision
from provisioning.broker import Kind


class City:
    """A directory, and its collector with a broker while it runs."""

    def __init__(self, directory: Path, http: int) -> None:
        self.directory = directory
        self.url = f"http://127.0.0.1:{http}"
        command: list[str | Path] = [sys.executable, "-m", "collector", "--config", directory / "collector.toml"]
        self.collector = Program("collector", command, directory / "collector.log")
        self._http = http

    def start(self) -> Door:
        self.collector.start()
        wait_until(lambda: answers(self._http), f"the collector serves: {self.collector.log}", 120)
        return opened(self.url, self.directory / "collector.toml")

    def publish(self, state: dict[str, Any], reading: dict[str, Any]) -> None:
        with connected(self.directory, "park-0001") as (node,):
            node.publish("koper/v1/park-0001/state", json.dumps(state).encode(), retain=True)
            node.publish("koper/v1/park-0001/reading", json.dumps(reading).encode())


@pytest.fixture
def city(kind: Kind, tmp_path: Path) -> Iterator[City]:
    mqtt, http = free_ports(2)
    directory = tmp_path / "city"
    ports = ["--mqtt-port", str(mqtt), "--http-port", str(http), "--broker", kind]
    assert provision(["quickstart", str(directory), *ports]) == 0
    made = City(directory, http)
    try:
        yield made
    finally:
        made.collector.stop()


def test_what_was_open_at_the_place_is_finished_when_readings_come(
    city: City, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    directory = str(city.directory)
    place = ["--thing", "spot-0001", "--position", "13.7294", "45.5481"]
    assert provision(["commission", directory, "park-0001", *place]) == 0
    door = city.start()
    token = tmp_path / "token"
    token.write_text(door.token)
    ask = ["commission", directory, "--finish", "--url", city.url, "--token-file", str(token), "--json"]
    assert provision([*ask, "--wait", "0"]) == 1
    now = time.time_ns() // 1_000_000
    state = {"at": now, "online": True, "firmware": "1.4.0", "boot": 1, "outbox": "7f3a91c2", "next_seq": 2}
    reading = {"thing": "spot-0001", "at": now, "values": {"occupancy": "free"}}
    city.publish(state, {"outbox": "7f3a91c2", "seq": 1, "readings": [reading]})
    capsys.readouterr()
    assert provision([*ask, "--wait", "20"]) == 0
    told = json.loads(capsys.readouterr().out)
    record = told["boards"][0]["record"]
    assert record["status"] == "in use"
    assert record["reading"]["value"] == "free"
    assert record["finishes"]
    assert provision([*ask]) == 0
    assert json.loads(capsys.readouterr().out)["boards"] == []
