"""Every kind of node runs in the heap of a chip, blocks nothing, and publishes what it promised and nothing else.

``python -m pytest -s hil_tests/test_kinds.py`` prints what is free.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

import firmware
from hil_tests.instruments import node
from hil_tests.instruments.center import center, trusted
from hil_tests.instruments.process import BenchError, Program, find
from hil_tests.instruments.receipts import Receipts
from hil_tests.instruments.sensors import Scenario, Sensors
from provisioning.__main__ import main as provision
from provisioning.broker import Kind, port_of

FLOOR = 8_000  # bytes of 64-bit words that are free while the node publishes over mutual TLS, after a collection
CENTER, PUBLISHER = "center-water", "park-0001"
TRUST = {CENTER: ["command", "config"], "releases": ["update"]}
UNANSWERED = 20  # messages that wait for a receipt while an order is carried out
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


@asynccontextmanager
async def wired(name: str, directory: Path, tmp_path: Path) -> AsyncIterator[Program]:
    """A node of this kind, in its heap, with its sensors; not started yet."""
    sensor, keys = WIRED[name]
    own = import_module(f"firmware.nodes.{name}")
    beats = {"heartbeat_ms": 500} if "heartbeat_ms" in own.OPTIONAL else {}
    scenario = {"truth": tmp_path / "truth.jsonl", "sensor": [{"thing": "thing-1", "kind": name, **sensor}]}
    sensors = Sensors(Scenario.model_validate(scenario))
    await sensors.start()
    config = {
        "city": "koper",
        "publisher": PUBLISHER,
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
    program = Program(PUBLISHER, built.command, tmp_path / "node.log", environment=built.environment)
    try:
        yield program
    finally:
        program.kill()
        await sensors.stop()


@pytest.mark.slow
@pytest.mark.parametrize("name", WIRED)
async def test_a_node_of_each_kind_lives_in_its_heap(
    name: str, collector: Receipts, directory: Path, tmp_path: Path
) -> None:
    own = import_module(f"firmware.nodes.{name}")
    async with wired(name, directory, tmp_path) as program:
        program.start()
        await collector.until(lambda: len(collector.contents) >= 4, f"readings: {program.last_lines()}", 120)
        program.kill()
        collector.states.clear()
        program.start()  # its first state after this has the outbox of a node that has lived
        await collector.until(lambda: any(one["online"] for one in collector.states), "a state")
        state = next(one for one in collector.states if one["online"])
    said = {quantity for reading in collector.readings() for quantity in reading["values"]}
    heap = node.heap_words(name) // 1024
    print(f"{name}: {state['heap_free']} bytes free of {heap}wK, loop late by at most {state['loop_lag_ms']} ms")
    assert said
    assert said <= set(own.QUANTITIES)
    assert state["heap_free"] >= FLOOR
    assert "no progress" not in program.last_lines(200)


@pytest.mark.slow
@pytest.mark.parametrize("name", WIRED)
async def test_a_node_of_each_kind_carries_out_the_orders_of_the_city_in_its_heap(
    name: str, collector: Receipts, directory: Path, tmp_path: Path
) -> None:
    """A command and a configuration that are refused, a configuration that is taken, and a restart."""
    assert provision(["issue", str(directory), CENTER, "--role", "center"]) == 0
    key, now = ec.generate_private_key(ec.SECP256R1()), time.time_ns() // 1_000_000
    trusted(tmp_path / "node", center_water=key)

    def told(**state: Any) -> bool:
        return any(state.items() <= one.items() for one in collector.states)

    def answered(identifier: str, status: str) -> bool:
        return any((one["id"], one["status"]) == (identifier, status) for one in collector.results)

    async with wired(name, directory, tmp_path) as program:
        with center(directory, CENTER, key) as city:
            collector.answers = False
            program.start()
            await collector.has(UNANSWERED)
            city.command(PUBLISHER, "c-1", "dance", {}, now)
            await collector.until(lambda: answered("c-1", "refused"), f"a refusal: {program.last_lines()}")
            city.configure(PUBLISHER, 3, {"colour": "red"})
            refusal = "colour: is not for a configuration to change"
            await collector.until(lambda: told(config_error=refusal), f"a refusal: {program.last_lines()}")
            city.configure(PUBLISHER, 4, {"period_ms": 1000})
            await collector.until(lambda: told(config=4), f"a configuration: {program.last_lines()}")
            city.command(PUBLISHER, "c-2", "restart", {}, now)
            await collector.until(lambda: answered("c-2", "done"), f"a restart: {program.last_lines()}")
            await collector.until(lambda: told(config=4, boot=3), f"a third start: {program.last_lines()}")
    free = min(one["heap_free"] for one in collector.states if one["online"])
    print(f"{name}: {free} bytes free of {node.heap_words(name) // 1024}wK between its orders")
    assert free >= FLOOR
    assert "MemoryError" not in program.log.read_text()
    assert "did not fit" not in program.log.read_text()
