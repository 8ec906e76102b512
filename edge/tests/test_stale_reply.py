"""A late answer is never taken for the next question's: 0 wrong of 1,000, where a plain client of the library is wrong.

One virtual meter, strictly in order, register n holds n, on RTU over a pty and RTU over TCP. Of four reads one is
answered after the timeout, one is cancelled while its answer is on the way; the same plan is played to a plain
pymodbus client (no retries, the maintainer's advice) and to ours.
"""

import asyncio
import os
import struct
import tty
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest
from pymodbus import FramerType, ModbusException
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient

from edge.errors import DeviceError
from edge.modbus import client as clients
from edge.modbus.client import Client
from edge.modbus.register import Block
from edge.tests.rtu import crc
from edge.tests.virtual_time import run_virtually

TIMEOUT = 0.06  # s
LATE = 0.075  # s: 15 ms after the timeout
READS = 1000
Read = Callable[[int], Awaitable[list[int] | None]]


class Figures(NamedTuple):
    right: int
    wrong: int
    unanswered: int


def answer_to(request: bytes) -> tuple[int, bytes]:
    address, count = struct.unpack(">HH", request[2:6])
    body = bytes((request[0], request[1], 2 * count)) + struct.pack(f">{count}H", *range(address, address + count))
    return address, body + crc(body)


def delay_of(address: int) -> float:
    return {0: LATE, 2: 0.02}.get(address // 10 % 4, 0.0)


def is_cancelled(address: int) -> bool:
    return address // 10 % 4 == 2


@asynccontextmanager
async def meter_on_a_pty() -> AsyncIterator[str]:
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    os.set_blocking(ours, False)
    requests: asyncio.Queue[bytes] = asyncio.Queue()
    octets = bytearray()

    def arrived() -> None:
        octets.extend(os.read(ours, 512))
        while len(octets) >= 8:
            requests.put_nowait(bytes(octets[:8]))
            del octets[:8]

    async def serve() -> None:
        while True:
            address, answer = answer_to(await requests.get())
            await asyncio.sleep(delay_of(address))
            os.write(ours, answer)

    asyncio.get_running_loop().add_reader(ours, arrived)
    serving = asyncio.create_task(serve())
    yield os.ttyname(theirs)
    serving.cancel()
    asyncio.get_running_loop().remove_reader(ours)
    os.close(ours)
    os.close(theirs)


@asynccontextmanager
async def meter_behind_a_converter() -> AsyncIterator[str]:
    """One serial meter: what it says goes to whoever is connected now, as a converter does it."""
    requests: asyncio.Queue[bytes] = asyncio.Queue()
    writers: list[asyncio.StreamWriter] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        while request := await reader.read(8):
            requests.put_nowait(request)
        writer.close()

    async def serve() -> None:
        while True:
            address, answer = answer_to(await requests.get())
            await asyncio.sleep(delay_of(address))
            if not writers[-1].is_closing():
                writers[-1].write(answer)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    serving = asyncio.create_task(serve())
    yield f"tcp:127.0.0.1:{server.sockets[0].getsockname()[1]}"
    serving.cancel()
    server.close()


async def figures(read: Read, count: int) -> Figures:
    right = wrong = 0
    for address in range(0, 10 * count, 10):
        try:
            reading = asyncio.ensure_future(read(address))
            words = await (asyncio.wait_for(reading, 0.01) if is_cancelled(address) else reading)
        except TimeoutError:
            continue
        if words is not None:
            is_right = words == [address, address + 1]
            right, wrong = right + is_right, wrong + (not is_right)
    return Figures(right, wrong, count - right - wrong)


async def with_the_plain_library(port: str, count: int) -> Figures:
    plain: AsyncModbusTcpClient | AsyncModbusSerialClient
    if port.startswith("tcp:"):
        number = int(port.rsplit(":", 1)[1])
        plain = AsyncModbusTcpClient(
            "127.0.0.1", port=number, framer=FramerType.RTU, timeout=TIMEOUT, retries=0, reconnect_delay=0.001
        )
    else:
        plain = AsyncModbusSerialClient(port, baudrate=9600, timeout=TIMEOUT, retries=0, reconnect_delay=0.001)
    await plain.connect()

    async def read(address: int) -> list[int] | None:
        try:
            answer = await plain.read_holding_registers(address, count=2, device_id=1)
        except ModbusException:
            return None
        return None if answer.isError() else list(answer.registers)

    try:
        return await figures(read, count)
    finally:
        plain.close()


async def with_the_gateway(port: str, count: int) -> Figures:
    client = Client("modbus-rtu", port, 9600, "N", TIMEOUT)

    async def read(address: int) -> list[int] | None:
        try:
            return await client.read(1, Block("holding_register", address, 2))
        except DeviceError:
            return None

    try:
        return await figures(read, count)
    finally:
        client.close()


METERS = {"RTU": meter_on_a_pty, "RTU over TCP": meter_behind_a_converter}


@pytest.mark.parametrize("framing", METERS)
def test_no_wrong_answer_in_a_thousand_reads(framing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "SILENCE", 0.01)
    monkeypatch.setattr(clients, "LATEST", 0.15)

    async def both() -> tuple[Figures, Figures]:
        async with METERS[framing]() as port:
            plain = await with_the_plain_library(port, 40)
            await asyncio.sleep(0.2)
            return plain, await with_the_gateway(port, READS)

    plain, ours = run_virtually(both())
    print(f"{framing}: gateway {ours}, plain pymodbus {plain}")  # noqa: T201 - figures to be read with pytest -s
    assert plain.wrong > 0  # else nothing was late
    assert ours.wrong == 0
    assert ours.right == READS // 2


def test_an_answer_that_comes_while_another_unit_is_asked_is_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "SILENCE", 0.01)
    monkeypatch.setattr(clients, "LATEST", 0.3)
    run_virtually(_two_units_on_a_line())


async def _two_units_on_a_line() -> None:
    async with meter_behind_a_converter() as port:
        client = Client("modbus-rtu", port, 9600, "N", 0.05)
        with pytest.raises(DeviceError):
            await client.read(1, Block("holding_register", 0, 2))  # is answered 25 ms after the timeout
        begun = asyncio.get_running_loop().time()
        with pytest.raises(DeviceError):  # the library throws both away; none is better than a wrong one
            await client.read(2, Block("holding_register", 10, 2))
        assert await client.read(2, Block("holding_register", 50, 2)) == [50, 51]
        assert await client.read(1, Block("holding_register", 30, 2)) == [30, 31]
        assert asyncio.get_running_loop().time() - begun > 0.2  # unit 1 was left alone until it could say nothing more
        client.close()
