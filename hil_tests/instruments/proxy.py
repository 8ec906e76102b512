"""A stretch of network that can fail: between devices and broker, over TCP, in a thread of its own.

What it carries it never changes. It can be cut (nothing passes, nobody is told), torn (every connection is reset),
slow, or closed (a new connection is refused).
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

_PIECE = 4096  # bytes
_LOOK = 0.05  # s


class Proxy:
    """Listens on ``port`` of the loopback and leads to ``target``. Each fault is a context manager that ends it."""

    def __init__(self, port: int, target: int) -> None:
        self.port = port
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy {port}", daemon=True)
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._is_cut = False
        self._is_closed = False
        self._delay = 0.0
        self._rate = 0.0

    def start(self) -> None:
        self._thread.start()
        self._run(self._listen())

    def stop(self) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    @contextmanager
    def cut(self) -> Iterator[None]:
        """Nothing passes either way, and nobody is told: a radio that went away."""
        self._is_cut = True
        try:
            yield
        finally:
            self._is_cut = False

    @contextmanager
    def slow(self, delay: float, rate: float) -> Iterator[None]:
        """Each piece comes ``delay`` seconds later, at ``rate`` bytes a second."""
        self._delay, self._rate = delay, rate
        try:
            yield
        finally:
            self._delay, self._rate = 0.0, 0.0

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Every connection is reset, and every new one refused."""
        self._is_closed = True
        self.tear()
        try:
            yield
        finally:
            self._is_closed = False

    def tear(self) -> None:
        """Reset every connection, once."""
        self._run(self._tear())

    @property
    def connections(self) -> int:
        return len(self._pairs)

    # ---- in the thread ----------------------------------------------------------------------------------------------

    def _run(self, job: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(job, self._loop).result(10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _end(self) -> None:
        self._server.close()
        await self._tear()
        await asyncio.sleep(_LOOK)

    async def _tear(self) -> None:
        for pair in list(self._pairs):
            for writer in pair:
                _reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_closed:
            _reset(writer)
            return
        try:
            onward, back = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            _reset(writer)
            return
        pair = writer, back
        self._pairs.add(pair)
        pumps = [asyncio.ensure_future(self._pump(reader, back)), asyncio.ensure_future(self._pump(onward, writer))]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        await asyncio.wait(pumps)
        self._pairs.discard(pair)
        for one in pair:
            one.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(_PIECE):
                while self._is_cut:  # noqa: ASYNC110  # a test changes it from another thread
                    await asyncio.sleep(_LOOK)
                if self._delay or self._rate:
                    await asyncio.sleep(self._delay + (len(piece) / self._rate if self._rate else 0))
                writer.write(piece)
                await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """RST instead of FIN (socket(7): SO_LINGER of 0)."""
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
