"""How fast does a server answer? A client that does nothing but ask and count, over connections that stay open."""

import asyncio
import time
from itertools import count
from typing import NamedTuple
from urllib.parse import urlsplit


class Answered(NamedTuple):
    answers: int
    seconds: float
    size: int
    """Bytes of the last body."""


async def ask(url: str, seconds: float, connections: int = 2, since: int | None = None) -> Answered:
    """Each request asks from another millisecond on, beginning with ``since``: no two are the same question."""
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    begins = count(since or 0)
    counts = [0] * connections
    size = 0
    started = time.perf_counter()

    async def one(place: int) -> None:
        nonlocal size
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=1 << 20)
        while time.perf_counter() - started < seconds:
            more = "" if since is None else f"&from={next(begins)}"
            writer.write(f"GET {path}{more} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            size = await _body(reader)
            counts[place] += 1
        writer.close()

    async with asyncio.TaskGroup() as tasks:
        for place in range(connections):
            tasks.create_task(one(place))
    return Answered(sum(counts), time.perf_counter() - started, size)


async def _body(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if head.split(b" ", 2)[1] != b"200":
        raise RuntimeError(f"expected an answer, got {head!r}")
    if b"content-length:" in head:
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        return length
    total = 0
    while length := int(await reader.readuntil(b"\r\n"), 16):  # RFC 9112 7.1
        await reader.readexactly(length + 2)
        total += length
    await reader.readexactly(2)
    return total


class Heard(NamedTuple):
    observations: int
    """That came, to all together."""
    dropped: int
    """That the server says it dropped, of all together."""
    seconds: float


async def listen(url: str, seconds: float, clients: int) -> Heard:
    """Count what ``/api/events`` brings to so many at once."""
    parts = urlsplit(url)
    counts, dropped = [0] * clients, [0] * clients
    started = time.perf_counter()

    async def one(place: int) -> None:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=1 << 24)
        writer.write(f"GET {parts.path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        event = b""
        while True:
            line = await reader.readline()
            if line.startswith(b"event: "):
                event = line[7:-1]
            elif line.startswith(b"data: ") and event == b"observations":
                counts[place] += line.count(b'"thing":')
            elif line.startswith(b"data: ") and event == b"dropped":
                dropped[place] += int(line[6:])
            elif not line:
                raise RuntimeError("the stream ended")
            if time.perf_counter() - started > seconds:
                writer.close()
                return

    async with asyncio.TaskGroup() as tasks:
        for place in range(clients):
            tasks.create_task(one(place))
    return Heard(sum(counts), sum(dropped), time.perf_counter() - started)
