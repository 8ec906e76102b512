"""Reading Modbus: no answer that comes late is ever taken for another one's, by timeout or by cancelling."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from edge.errors import DeviceError, LineError
from edge.modbus import client as clients
from edge.modbus.client import Client, Kind
from edge.modbus.register import Block
from edge.tests.rtu import crc
from edge.tests.virtual_time import run_virtually


class Meter:
    """RTU over a socket: answers in order, register n holds n, each answer after the delay that is next in line."""

    def __init__(self) -> None:
        self.delays: list[float] = []
        self.answer = b""  # instead of registers
        self.port = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        if self._server:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                request = await reader.readexactly(8)
                address, count = struct.unpack(">HH", request[2:6])
                await asyncio.sleep(self.delays.pop(0) if self.delays else 0.0)
                words = struct.pack(f">{count}H", *range(address, address + count))
                body = request[:1] + (self.answer or bytes((request[1], 2 * count)) + words)
                writer.write(body + crc(body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@asynccontextmanager
async def metered() -> AsyncIterator[Meter]:
    made = Meter()
    await made.start()
    yield made
    made.stop()


@pytest.fixture
async def meter() -> AsyncIterator[Meter]:
    async with metered() as made:
        yield made


def client_of(meter: Meter, kind: Kind = "modbus-rtu", timeout: float = 0.15) -> Client:
    return Client(kind, f"tcp:127.0.0.1:{meter.port}", 9600, "N", timeout)


def block(address: int) -> Block:
    return Block("holding_register", address, 2)


async def read_all(client: Client, addresses: range) -> tuple[int, int]:
    """How many reads were right and how many wrong; refusals are neither."""
    right = wrong = 0
    for address in addresses:
        try:
            words = await client.read(1, block(address))
        except DeviceError:
            continue
        right, wrong = right + (words == [address, address + 1]), wrong + (words != [address, address + 1])
    return right, wrong


def test_a_late_answer_never_becomes_the_next_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "SILENCE", 0.1)
    monkeypatch.setattr(clients, "LATEST", 0.1)

    async def asks() -> None:
        async with metered() as meter:
            meter.delays = [0.2 if number % 5 == 0 else 0.0 for number in range(40)]  # 50 ms past the timeout
            client = client_of(meter)
            assert await read_all(client, range(40)) == (32, 0)
            client.close()

    run_virtually(asks())


def test_a_cancelled_read_never_answers_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "SILENCE", 0.1)
    monkeypatch.setattr(clients, "LATEST", 0.1)

    async def asks() -> None:
        async with metered() as meter:
            client = client_of(meter, timeout=1)
            await client.read(1, block(90))
            meter.delays = [0.06, 0.0, 0.06, 0.0]
            for address in (0, 10):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(client.read(1, block(address)), 0.02)
                assert await client.read(1, block(address + 5)) == [address + 5, address + 6]
            client.close()

    run_virtually(asks())


def test_the_line_is_left_silent_before_it_is_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "SILENCE", 0.3)
    monkeypatch.setattr(clients, "LATEST", 0.1)

    async def asks() -> None:
        async with metered() as meter:
            client = client_of(meter)
            await client.read(1, block(0))
            meter.delays = [0.2]
            with pytest.raises(DeviceError, match="no answer"):
                await client.read(1, block(1))
            loop = asyncio.get_running_loop()
            begun = loop.time()
            await client.read(1, block(2))
            assert loop.time() - begun >= 0.29
            client.close()

    run_virtually(asks())


async def test_a_refusal_names_its_reason_and_the_line_stays_open(meter: Meter) -> None:
    client = client_of(meter, timeout=1)
    meter.answer = b"\x83\x02"
    with pytest.raises(DeviceError, match=r"unit 1, holding_register 7\+2: illegal data address"):
        await client.read(1, block(7))
    meter.answer = b""
    assert await client.read(1, block(7)) == [7, 8]
    client.close()


@pytest.mark.parametrize("kind", ["modbus-rtu", "modbus-tcp"])
async def test_a_line_that_cannot_be_opened_is_a_fault_of_the_line(meter: Meter, kind: Kind) -> None:
    meter.stop()
    with pytest.raises(LineError):
        await client_of(meter, kind).read(1, block(0))


async def test_a_serial_device_that_is_not_there_is_a_fault_of_the_line() -> None:
    with pytest.raises(LineError):
        await Client("modbus-rtu", "/dev/absent", 9600, "N").read(1, block(0))
