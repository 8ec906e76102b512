"""A serial sensor that is a process of the bench: the bytes that would be on the wire, over TCP."""

import asyncio


class Uart:
    """``where`` is ``host:port``; ``baud`` means nothing here."""

    def __init__(self, where: str, baud: int) -> None:
        self._host, _, port = where.rpartition(":")
        self._port = int(port)
        self._baud = baud
        self._reader = self._writer = None

    async def exchange(self, request: bytes, size: int, timeout_ms: int) -> bytes:
        """Send and return what came within the time: ``size`` bytes, or fewer from a silent or broken sensor."""
        try:
            reader, writer = await self._open(timeout_ms)
            writer.write(request)
            await writer.drain()
            return await asyncio.wait_for_ms(reader.readexactly(size), timeout_ms)
        except (OSError, EOFError, asyncio.TimeoutError):
            # A wire has no other way to say it than silence; the late rest of an answer dies with the connection.
            await self._hang_up()
        return b""

    async def receive(self, size: int, timeout_ms: int) -> bytes:
        """What has come, ``size`` bytes at most; nothing from a sensor that is silent for that long."""
        try:
            reader, _ = await self._open(timeout_ms)
            octets = await asyncio.wait_for_ms(reader.read(size), timeout_ms)
        except asyncio.TimeoutError:
            return b""
        except (OSError, EOFError):
            octets = b""
        if not octets:
            await self._hang_up()
        return octets

    async def _open(self, timeout_ms: int) -> tuple:
        if self._reader is None or self._writer is None:
            opening = asyncio.open_connection(self._host, self._port)
            self._reader, self._writer = await asyncio.wait_for_ms(opening, timeout_ms)
        return self._reader, self._writer

    async def _hang_up(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
            await writer.wait_closed()
