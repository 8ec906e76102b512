"""A stretch of network that can fail: between devices and broker, over TCP, in a thread of its own.

It can be cut (nothing passes, nobody is told), deaf (nothing comes back), torn (every connection is reset), closed (and
a new one refused), slow, or corrupt. Unless it is corrupt, what it carries it never changes.
"""

import asyncio
import contextlib
import random
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
        self._is_deaf = False
        self._is_closed = False
        self._corrupt = 0.0
        self._random = random.Random(port)
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
    def deaf(self) -> Iterator[None]:
        """What devices say arrives, and what the broker answers does not: a radio that is heard and hears nothing."""
        self._is_deaf = True
        try:
            yield
        finally:
            self._is_deaf = False

    @contextmanager
    def corrupt(self, share: float) -> Iterator[None]:
        """In this share of all pieces one bit is wrong, either way, and TCP has not noticed."""
        self._corrupt = share
        try:
            yield
        finally:
            self._corrupt = 0.0

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
        try:
            self.tear()
            yield
        finally:
            self._is_closed = False

    def tear(self) -> None:
        """Reset every connection, once."""
        self._run(self._tear())

    @property
    def is_well(self) -> bool:
        """Whether nothing of all this is so now."""
        return not (self._is_cut or self._is_deaf or self._is_closed or self._corrupt or self._delay or self._rate)

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
        pumps = [
            asyncio.ensure_future(self._pump(reader, back, is_answer=False)),
            asyncio.ensure_future(self._pump(onward, writer, is_answer=True)),
        ]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        await asyncio.wait(pumps)
        self._pairs.discard(pair)
        for one in pair:
            one.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_answer: bool) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(_PIECE):
                while self._is_cut or (is_answer and self._is_deaf):  # noqa: ASYNC110  # a test changes it from another thread
                    await asyncio.sleep(_LOOK)
                if self._delay or self._rate:
                    await asyncio.sleep(self._delay + (len(piece) / self._rate if self._rate else 0))
                writer.write(self._spoiled(piece) if self._random.random() < self._corrupt else piece)
                await writer.drain()

    def _spoiled(self, piece: bytes) -> bytes:
        octets = bytearray(piece)
        octets[self._random.randrange(len(octets))] ^= 1 << self._random.randrange(8)
        return bytes(octets)


def _reset(writer: asyncio.StreamWriter) -> None:
    """RST instead of FIN (socket(7): SO_LINGER of 0)."""
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
