"""Floods of headers, heads that never end, bodies that do not come on: against a real server."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn

from collector.access.identify import Identify
from collector.api import gate, protocol
from collector.api.app import Rules, create_app
from collector.api.protocol import LONGEST_HEAD, Bounded
from collector.tests.households import street


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    city = street(tmp_path)
    config = uvicorn.Config(
        create_app(city, Rules(Identify(city.access.tokens))), http=Bounded, log_config=None, lifespan="off"
    )
    server = uvicorn.Server(config)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        serving = asyncio.create_task(server.serve([listener]))
        while not server.started:  # noqa: ASYNC110  # uvicorn says it with a flag
            await asyncio.sleep(0.01)
        yield listener.getsockname()[1]
        server.should_exit = True
        await serving


async def said(port: int, *parts: bytes, pause: float = 0) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
        async with asyncio.timeout(120):
            return await reader.read(2000)
    except ConnectionError:
        return b"reset"
    finally:
        writer.close()


POST = b"POST /api/tokens HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
HEAD = b"GET /health HTTP/1.1\r\nhost: localhost\r\n"


async def test_an_ordinary_request_is_answered_and_the_next_on_the_same_connection(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(3):
        writer.write(HEAD + b"\r\n")
        assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200")
        await reader.readuntil(b"}")  # {"well":true,"reasons":{}}
    writer.close()


async def test_many_headers_are_too_many(port: int) -> None:
    flood = [b"x-%d: %s\r\n" % (number, b"y" * 1000) for number in range(500)]
    answer = await said(port, HEAD, *flood, pause=0.001)
    assert answer.startswith(b"HTTP/1.1 431") or answer == b"reset"


async def test_a_header_without_an_end_is_cut_off(port: int) -> None:
    answer = await said(port, HEAD + b"x: ", *[b"y" * 8192] * 20, pause=0.001)
    assert answer.startswith(b"HTTP/1.1 431") or answer == b"reset"


async def test_a_head_just_below_the_bound_is_read(port: int) -> None:
    answer = await said(port, HEAD + b"x: " + b"y" * (LONGEST_HEAD - len(HEAD) - 100) + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200")


async def test_a_head_that_does_not_come_on_is_not_waited_for(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_TIME", 0.2)
    assert (await said(port, b"GET /health HT")).startswith(b"HTTP/1.1 408")
    assert (await said(port)).startswith(b"HTTP/1.1 408")


async def test_a_body_that_does_not_come_on_is_not_waited_for(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "PATIENCE", 0.2)
    head = POST % 100 + b"{"
    answer = await said(port, head)
    assert b" 4" in answer[:13]


async def test_a_long_body_is_no_long_head(port: int) -> None:
    body = b'{"name":"' + b"x" * 100_000 + b'"}'
    answer = await said(port, POST % len(body) + body)
    assert b" 4" in answer[:13]
    assert b"431" not in answer[:13]


@pytest.mark.parametrize(
    "nonsense",
    [b"\x00" * 100, b"GET / HTTP/9.9\r\n\r\n", b"\r\n\r\nfoo\r\n\r\n", b"GET /%zz HTTP/1.1\r\nhost: localhost\r\n\r\n"],
)
async def test_nonsense_is_refused_and_the_next_is_served(port: int, nonsense: bytes) -> None:
    answer = await said(port, nonsense)
    assert b" 4" in answer[:13]
    assert (await said(port, HEAD + b"\r\n")).startswith(b"HTTP/1.1 200")
