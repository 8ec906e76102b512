"""A line over a real pty and a real socket: whole answers, deadlines, and no late answer taken for the next."""

import asyncio
import os
import select
import tty
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from edge import line as lines
from edge.errors import DeviceError, LineError
from edge.line import Line, open_line
from edge.tests.virtual_time import run_virtually


def four(octets: bytes) -> int:
    return 4 if octets else 0


class FarEnd:
    """The meter's end of a pty."""

    def __init__(self) -> None:
        self.end, self._gateways_end = os.openpty()
        tty.setraw(self._gateways_end)
        self.path = os.ttyname(self._gateways_end)

    async def asked(self) -> bytes:
        loop = asyncio.get_running_loop()
        readable = loop.create_future()
        loop.add_reader(self.end, readable.set_result, None)
        await readable
        loop.remove_reader(self.end)
        return os.read(self.end, 100)

    def say(self, octets: bytes) -> None:
        """It is at the gateway's end when this returns: the kernel takes its time to hand it on."""
        os.write(self.end, octets)
        arrival = select.poll()
        arrival.register(self._gateways_end, select.POLLIN)
        assert arrival.poll(60_000)

    def unplug(self) -> None:
        for end in (self.end, self._gateways_end):
            os.close(end)
        self.end = self._gateways_end = -1


@pytest.fixture
def far() -> Iterator[FarEnd]:
    end = FarEnd()
    yield end
    if end.end >= 0:
        end.unplug()


@pytest.fixture
async def line(far: FarEnd, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Line]:
    monkeypatch.setattr(lines, "SILENCE", 0.02)
    opened = await open_line(far.path, 2400, "E")
    yield opened
    opened.close()


async def test_an_answer_in_pieces_is_one_answer(far: FarEnd, line: Line) -> None:
    exchange = asyncio.create_task(line.exchange(b"ask", 2, four))
    assert await far.asked() == b"ask"
    far.say(b"ab")
    await asyncio.sleep(0)
    far.say(b"cd")
    assert await exchange == b"abcd"


async def test_what_came_unasked_is_not_taken_for_an_answer(far: FarEnd, line: Line) -> None:
    far.say(b"noise")
    exchange = asyncio.create_task(line.exchange(b"ask", 2, four))
    await far.asked()
    far.say(b"abcd")
    assert await exchange == b"abcd"


async def test_a_late_answer_is_not_taken_for_the_next_one(far: FarEnd, line: Line) -> None:
    with pytest.raises(DeviceError, match="no answer within"):
        await line.exchange(b"first", 0.05, four)
    assert await far.asked() == b"first"
    far.say(b"LATE")
    exchange = asyncio.create_task(line.exchange(b"second", 2, four))
    assert await far.asked() == b"second"
    far.say(b"good")
    assert await exchange == b"good"


def test_a_part_of_an_answer_is_said_so(far: FarEnd) -> None:
    async def asks() -> None:
        line = await open_line(far.path, 2400, "E")
        exchange = asyncio.create_task(line.exchange(b"ask", 0.1, four))
        await far.asked()
        far.say(b"a")
        with pytest.raises(DeviceError, match="only 61 within"):
            await exchange
        line.close()

    run_virtually(asks())


def test_a_line_that_never_falls_silent_is_a_fault_of_the_line(far: FarEnd) -> None:
    async def chatter() -> None:
        while True:
            far.say(b"x")
            await asyncio.sleep(lines.SILENCE / 4)

    async def asks() -> None:
        line = await open_line(far.path, 2400, "E")
        talking = asyncio.create_task(chatter())
        with pytest.raises(LineError, match="does not fall silent"):
            await line.exchange(b"ask", 2, four)
        talking.cancel()
        line.close()

    run_virtually(asks())


async def test_a_pulled_cable_is_a_fault_of_the_line(far: FarEnd, line: Line) -> None:
    exchange = asyncio.create_task(line.exchange(b"ask", 2, four))
    await far.asked()
    far.unplug()
    with pytest.raises(LineError):
        await exchange


async def test_a_device_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(LineError, match="could not open port"):
        await open_line(str(tmp_path / "absent"), 2400, "E")


async def test_a_socket_is_a_line_too_and_its_end_is_noticed() -> None:
    async def meter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"abcd")
        await reader.read(10)
        writer.close()

    server = await asyncio.start_server(meter, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    opened = await open_line(f"tcp:127.0.0.1:{port}", 2400, "E")
    assert await opened.exchange(b"ask", 2, four) == b"abcd"
    with pytest.raises(LineError, match="closed by the other side"):
        await opened.exchange(b"ask", 2, four)
    opened.close()
    server.close()
    with pytest.raises(LineError):
        await open_line(f"tcp:127.0.0.1:{port}", 2400, "E")
