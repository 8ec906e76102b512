"""A radio receiver that is pulled out, refuses its settings or says too much is a state, never the gateway's end."""

import asyncio
import os
import pty
from collections.abc import AsyncIterator, Callable

import pytest

from edge import radio
from edge.config import RadioMeter, ReceiverConfig
from edge.errors import DeviceError
from edge.keys import Keys
from edge.mbus.quantity import Values
from edge.radio import Keep, Radio
from edge.wmbus.receivers import rtl_wmbus

PLAIN = bytes.fromhex("1844ae4c4455223368077a55000000041389e20100023b0000")
NEXT = bytes.fromhex("1844ae4c4455223368077a56000000041389e20100023b0000")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(radio, "_FIRST_WAIT", 0.02)
    monkeypatch.setattr(radio, "_LOOK", 0.02)


def receiver(port: str, keep: Keep) -> Radio:
    meter = RadioMeter(thing="wm-1", identification="33225544")
    return Radio(ReceiverConfig(name="roof", kind="rtl-wmbus", port=port, meter=[meter]), Keys(), keep)


async def until(is_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not is_true():  # noqa: ASYNC110 - two tasks of one loop
            await asyncio.sleep(0.01)


@pytest.fixture
async def dongle() -> AsyncIterator[str]:
    """Says one telegram to whoever connects, another one to the next, and hangs up each time."""
    said = iter((PLAIN, NEXT, *[NEXT] * 1000))

    async def connected(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(rtl_wmbus.encode(next(said)))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    yield f"tcp:127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


async def test_a_receiver_that_hangs_up_is_opened_again(dongle: str) -> None:
    kept: list[tuple[str, Values]] = []
    listening = receiver(dongle, lambda thing, values: kept.append((thing, values)))
    task = asyncio.create_task(listening.run())
    await until(lambda: len(kept) == 2)
    task.cancel()
    assert [thing for thing, _ in kept] == ["wm-1", "wm-1"]


async def test_a_reading_that_no_collector_would_take_is_left_behind(dongle: str) -> None:
    seen: list[str] = []

    def refuse(thing: str, _values: Values) -> None:
        seen.append(thing)
        raise DeviceError("more than 15 digits")

    task = asyncio.create_task(receiver(dongle, refuse).run())
    await until(lambda: len(seen) == 2)
    assert not task.done()
    task.cancel()


async def test_a_dongle_that_is_pulled_out_is_said_and_waited_for() -> None:
    ours, theirs = pty.openpty()
    listening = receiver(os.ttyname(theirs), lambda _thing, _values: None)
    task = asyncio.create_task(listening.run())

    def is_heard() -> bool:
        os.write(ours, rtl_wmbus.encode(PLAIN))  # again and again: opening a device throws away what waits in it
        return listening.hearing.counts["kept"] == 1

    await until(is_heard)
    os.close(theirs)
    os.close(ours)
    await until(lambda: listening.error != "")
    await asyncio.sleep(0.1)
    assert not task.done()
    task.cancel()


async def test_a_port_where_nobody_is_is_said() -> None:
    listening = receiver("tcp:127.0.0.1:1", lambda _thing, _values: None)
    task = asyncio.create_task(listening.run())
    await until(lambda: "refused" in listening.error.lower() or "connect" in listening.error.lower())
    assert not task.done()
    task.cancel()
