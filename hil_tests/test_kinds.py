"""Every kind of node runs in the heap of a chip, blocks nothing, and publishes what it promised and nothing else.

``python -m pytest -s hil_tests/test_kinds.py`` prints what is free.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import firmware
from hil_tests.instruments import node
from hil_tests.instruments.process import BenchError, Program, find
from hil_tests.instruments.receipts import Receipts
from hil_tests.instruments.sensors import Scenario, Sensors
from provisioning.broker import Kind, port_of

FLOOR = 8_000  # bytes of 64-bit words that are free while the node publishes over mutual TLS, after a collection
TRUST = {"center-water": ["command", "config"], "releases": ["update"]}
# How each kind is wired here: its virtual sensor, and its keys of node.json.
WIRED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "air": ({"sensors": ["pm", "climate", "co2"], "settle": 0}, {"pm_sensor": "sps30", "climate_sensor": "bme280"}),
    "counting": ({"passings": [[1, "in"], [4, "in"], [7, "out"], [10, "in"]]}, {"capacity": 100}),
    "level": ({"levels": [[0, 5]]}, {"height_mm": 3000, "thresholds_mm": [30, 200]}),
    "noise": ({}, {"calibration_db": 0, "period_ms": 1000}),
    "parking": ({"mean": 3.0, "sensors": ["sensor", "magnetometer"]}, {}),
    "valve": ({}, {}),
    "water": ({"flow": 3.6, "pressure_mv": 2500}, {"litres_per_pulse": 1}),
}

try:
    find("micropython")
except BenchError as missing:
    pytest.skip(str(missing), allow_module_level=True)


def test_every_kind_is_wired_here() -> None:
    folder = Path(firmware.__file__).parent / "nodes"
    assert set(WIRED) == {file.stem for file in folder.glob("*.py")} - {"__init__"}


@pytest.fixture
def kind() -> Kind:
    """One broker is enough here."""
    return "nats"


@pytest.mark.slow
@pytest.mark.parametrize("name", WIRED)
async def test_a_node_of_each_kind_lives_in_its_heap(
    name: str, collector: Receipts, directory: Path, tmp_path: Path
) -> None:
    sensor, keys = WIRED[name]
    own = import_module(f"firmware.nodes.{name}")
    beats = {"heartbeat_ms": 500} if "heartbeat_ms" in own.OPTIONAL else {}
    scenario = {"truth": tmp_path / "truth.jsonl", "sensor": [{"thing": "thing-1", "kind": name, **sensor}]}
    sensors = Sensors(Scenario.model_validate(scenario))
    await sensors.start()
    config = {
        "city": "koper",
        "publisher": "park-0001",
        "thing": "thing-1",
        "kind": name,
        "period_ms": 500,
        "broker": {"host": "127.0.0.1", "port": port_of(directory), "server_name": "localhost"},
        "hal": {wire: f"127.0.0.1:{port}" for wire, port in sensors.ports["thing-1"].items()},
        "trust": TRUST,
        **beats,
        **keys,
    }
    built = node.build(tmp_path / "node", config, directory / "certificates", directory / "ca" / "ca.der")
    program = Program("park-0001", built.command, tmp_path / "node.log", environment=built.environment)
    program.start()
    try:
        await collector.until(lambda: len(collector.contents) >= 4, f"readings: {program.last_lines()}", 90)
        program.kill()
        collector.states.clear()
        program.start()  # its first state after this has the outbox of a node that has lived
        await collector.until(lambda: any(one["online"] for one in collector.states), "a state")
        state = next(one for one in collector.states if one["online"])
    finally:
        program.kill()
        await sensors.stop()
    said = {quantity for reading in collector.readings() for quantity in reading["values"]}
    heap = node.heap_words(name) // 1024
    print(f"{name}: {state['heap_free']} bytes free of {heap}wK, loop late by at most {state['loop_lag_ms']} ms")
    assert said
    assert said <= set(own.QUANTITIES)
    assert state["heap_free"] >= FLOOR
    assert "no progress" not in program.last_lines(200)
