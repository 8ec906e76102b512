"""A gateway reads every meter of a line, simulated or behind an adapter, and is told when one or all are away.

The adapter is a null modem of two ptys here, and foreign code answers at its far end. A receiver for radio meters has a
test of its own: ``test_radio``.
"""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import serial

from edge.bus import bus_of
from edge.config import LineConfig, Meter
from edge.errors import DeviceError, LineError
from edge.mbus import frame
from edge.modbus import register
from hil_tests.instruments.mbus_meter import MbusMeter
from hil_tests.instruments.meters import Meters, Scenario
from hil_tests.instruments.null_modem import null_modem
from hil_tests.instruments.simulated_board import simulated_board
from hil_tests.plugin import soldered_lines

ABSENT = 99  # an address that nobody has
MBUS, MODBUS = ("els_falcon", "elster_falcon"), ("eastron_sdm120", "eastron_sdm120")
VOLTS = 230.5


def line(kind: str, port: str, profile: str, unit: int = 1) -> LineConfig:
    """Of one meter, as gateway.toml has it."""
    address = "primary_address" if kind == "mbus" else "unit_id"
    meter = {"thing": "x-1", address: unit, "profile": profile, "period": 60}
    table = {"name": "bench", "kind": kind, "port": port, "baud": 9600, "parity": "N", "meter": [meter]}
    return LineConfig.model_validate(table)


async def simulated(stack: AsyncExitStack, folder: Path, kind: str) -> LineConfig:
    model, profile = MBUS if kind == "mbus" else MODBUS
    meter = {"thing": "x-1", "model": model, "address": 1}
    table: dict[str, Any] = {"name": "bench", "kind": kind, "baud": 9600, "meter": [meter]}
    if kind != "modbus-tcp":
        table["link"] = folder / "bench.tty"
    meters = Meters(Scenario.model_validate({"truth": folder / "truth.jsonl", "line": [table]}))
    await meters.start()
    stack.push_async_callback(meters.stop)
    return line(kind, meters.ports["bench"], profile)


async def mbus_behind_an_adapter(stack: AsyncExitStack, folder: Path) -> LineConfig:
    """A recorded meter, answered for by pyserial."""
    ends = stack.enter_context(null_modem(folder))
    far = stack.enter_context(serial.Serial(str(ends.other), timeout=0.05))
    stop, meter = threading.Event(), MbusMeter(MBUS[0], 1)

    def answer() -> None:
        heard = b""
        while not stop.is_set():
            heard += far.read(far.in_waiting or 1)
            try:
                size = frame.size_of(heard)
            except DeviceError:
                heard, size = b"", 0
            if 0 < size <= len(heard):
                far.write(meter.answer(heard[:size], 0)[0])
                heard = heard[size:]

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    stack.callback(thread.join)
    stack.callback(stop.set)
    return line("mbus", str(ends.one), MBUS[1])


async def modbus_behind_an_adapter(stack: AsyncExitStack, folder: Path) -> LineConfig:
    """The library's own server: every input register is half of the same float."""
    ends = stack.enter_context(null_modem(folder))
    stack.enter_context(simulated_board(ends.other, words=register.encode(VOLTS, "float32", "big")))
    return line("modbus-rtu", str(ends.one), MODBUS[1])


CASES = ("simulated mbus", "simulated modbus-rtu", "simulated modbus-tcp", "adapter mbus", "adapter modbus-rtu")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", [*CASES, *soldered_lines(metafunc.config)])


@pytest.fixture
async def config(case: str, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[LineConfig]:
    """On a soldered rig no gateway may have the line open meanwhile."""
    how, _, kind = case.partition(" ")
    async with AsyncExitStack() as stack:
        if how == "simulated":
            yield await simulated(stack, tmp_path, kind)
        elif how == "adapter":
            maker = mbus_behind_an_adapter if kind == "mbus" else modbus_behind_an_adapter
            yield await maker(stack, tmp_path)
        else:
            bench = request.getfixturevalue("bench")
            yield next(one.config for one in bench.rig.line if one.name == kind)


def away(config: LineConfig) -> Meter:
    """At an address that nobody has."""
    meter = config.meter[0]
    key = "primary_address" if meter.primary_address is not None else "unit_id"
    return meter.model_copy(update={key: ABSENT, "secondary_address": None})


async def test_every_meter_is_read_also_after_one_that_is_away(config: LineConfig) -> None:
    bus = bus_of(config)
    try:
        for meter in config.meter:
            assert await bus.read(meter)
        with pytest.raises(DeviceError):  # silence, or a refusal by whoever answers for the bus
            await bus.read(away(config))
        for meter in config.meter:
            assert await bus.read(meter)
    finally:
        bus.close()


async def test_a_line_is_open_for_one_only(config: LineConfig) -> None:
    """Of a socket there may be two; an adapter is one program's."""
    if config.port.startswith("tcp:"):
        return
    first, second = bus_of(config), bus_of(config)
    try:
        assert await first.read(config.meter[0])
        with pytest.raises((LineError, DeviceError)):
            await second.read(config.meter[0])
    finally:
        first.close()
        second.close()


async def test_the_values_of_a_foreign_server_arrive_as_they_are(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        config = await modbus_behind_an_adapter(stack, tmp_path)
        bus = bus_of(config)
        values = await bus.read(config.meter[0])
        bus.close()
    assert values["voltage"] == (2305, -1)


@pytest.mark.parametrize("maker", [mbus_behind_an_adapter, modbus_behind_an_adapter])
async def test_an_adapter_that_is_pulled_out_is_a_fault_of_the_line(maker: Any, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        config = await maker(stack, tmp_path)
        bus = bus_of(config)
        assert await bus.read(config.meter[0])
    with pytest.raises((LineError, DeviceError)):
        await bus.read(config.meter[0])
    bus.close()
    await asyncio.sleep(0)
    with pytest.raises(LineError):
        await bus.read(config.meter[0])
    bus.close()
