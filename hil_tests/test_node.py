"""A node in real MicroPython, over mutual TLS, against both brokers: what survives what?"""

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from hil_tests.instruments import broker, node
from hil_tests.instruments.process import Program
from hil_tests.instruments.receipts import Receipts
from hil_tests.instruments.sensors import Scenario, Sensors
from provisioning.broker import Kind, port_of

PARKING = {"thing": "spot-0001", "kind": "parking", "mean": 3.0}


@pytest.fixture
async def collector(directory: Path, running_broker: Program) -> AsyncIterator[Receipts]:  # noqa: ARG001 - it must run
    async with Receipts(directory) as connected:
        yield connected


@pytest.fixture
async def sensors(tmp_path: Path) -> AsyncIterator[Sensors]:
    scenario = Scenario.model_validate({"truth": tmp_path / "truth.jsonl", "seed": 7, "sensor": [PARKING]})
    listening = Sensors(scenario)
    await listening.start()
    yield listening
    await listening.stop()


@pytest.fixture
def parking(directory: Path, sensors: Sensors, tmp_path: Path) -> Iterator[Program]:
    started = program(directory, sensors, tmp_path)
    yield started
    started.kill()


def program(directory: Path, sensors: Sensors, tmp_path: Path, **changes: object) -> Program:
    config = {
        "city": "koper",
        "publisher": "park-0001",
        "thing": "spot-0001",
        "kind": "parking",
        "period_ms": 200,
        "broker": {"host": "127.0.0.1", "port": port_of(directory), "server_name": "localhost"},
        "hal": {"sensor": f"127.0.0.1:{sensors.ports['spot-0001']}"},
        **changes,
    }
    built = node.build(tmp_path / "park-0001", config, directory / "certificates", directory / "ca" / "ca.der")
    return Program("park-0001", built.command, tmp_path / "park-0001.log", environment=built.environment)


async def test_a_node_publishes_and_forgets_what_has_a_receipt(collector: Receipts, parking: Program) -> None:
    parking.start()
    await collector.until(lambda: len(collector.contents) >= 15, "15 readings")
    assert collector.states[-1]["online"]
    assert set(collector.readings()[0]["values"]) == {"distance", "occupancy"}
    assert max(collector.contents.values()) == 1, parking.last_lines()
    print(collector.states)
