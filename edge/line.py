"""What is an open line: bytes out, one whole answer back, before a deadline.

A serial device (also a pty) or ``tcp:host:port``. One task owns a line. After a missing answer the line is listened to
until it is silent, so that a late answer is never taken for the next one's.
"""

import asyncio
import termios
from collections.abc import Callable
from typing import Literal

import serial

from edge.errors import DeviceError, LineError

Parity = Literal["N", "E", "O"]
SizeOf = Callable[[bytes], int]  # bytes of the answer at the start; 0 = not known yet; DeviceError = no answer
SILENCE = 0.2  # s
_LONGEST_NOISE = 3.0  # s a line may go on talking before it is given up
_TCP_CONNECT = 5.0  # s
CHARACTER = 11  # bits of 8E1 on the line


class _Inbox(asyncio.Protocol):
    """What has arrived, and whether the line is still there."""

    def __init__(self) -> None:
        self.octets = bytearray()
        self.lost: str = ""
        self._changed = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.octets += data
        self._changed.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = str(exc or "closed by the other side")
        self._changed.set()

    async def more(self) -> None:
        """Wait for bytes beyond those here now; LineError once the line is gone."""
        self._changed.clear()
        if not self.lost:
            await self._changed.wait()
        if self.lost:
            raise LineError(self.lost)


class Line:
    """An open line; made by ``open_line``."""

    def __init__(self, inbox: _Inbox, writer: asyncio.WriteTransport, reader: asyncio.ReadTransport, baud: int) -> None:
        self._inbox = inbox
        self._writer = writer
        self._reader = reader
        self._baud = baud
        self._is_dirty = True  # someone else's question may still be answered

    async def heard(self) -> bytes:
        """What has come without being asked for, as soon as there is something; LineError once the line is gone."""
        if not self._inbox.octets:
            await self._inbox.more()
        octets = bytes(self._inbox.octets)
        self._inbox.octets.clear()
        return octets

    def seconds(self, characters: int) -> float:
        """How long so many characters take on this line, or on the bus behind a converter."""
        return characters * CHARACTER / self._baud

    @property
    def baud(self) -> int:
        """Bits per second."""
        return self._baud

    def change_speed(self, baud: int) -> None:
        """Go on at another speed; LineError when this is a connection, or the device can't."""
        device = self._writer.get_extra_info("pipe")
        if not isinstance(device, serial.Serial):
            raise LineError("only a serial device changes its speed")
        try:
            device.baudrate = baud
        except (OSError, ValueError, termios.error) as error:
            raise LineError(str(error)) from error
        self._baud = baud

    async def exchange(self, request: bytes, deadline: float, size_of: SizeOf) -> bytes:
        """Send, and return one whole answer within ``deadline`` seconds.

        DeviceError when it does not come or ``size_of`` refuses what does, LineError when the line is gone. Any of
        them, and cancelling, makes the next exchange wait for silence first.
        """
        if self._is_dirty:
            await self._silence()
        self._is_dirty = True
        self._inbox.octets.clear()  # what came unasked answers nothing
        if self._inbox.lost:
            raise LineError(self._inbox.lost)
        self._writer.write(request)
        try:
            async with asyncio.timeout(deadline):
                answer = await self._answer(size_of)
        except TimeoutError:
            got = f"only {self._inbox.octets[:8].hex(' ')}" if self._inbox.octets else "no answer"
            raise DeviceError(f"{got} within {deadline:.2f} s") from None
        self._is_dirty = False
        return answer

    async def _answer(self, size_of: SizeOf) -> bytes:
        while True:
            size = size_of(bytes(self._inbox.octets))
            if size and len(self._inbox.octets) >= size:
                return bytes(self._inbox.octets[:size])
            await self._inbox.more()

    async def _silence(self) -> None:
        try:
            async with asyncio.timeout(_LONGEST_NOISE):
                while await self._is_talking():
                    pass
        except TimeoutError:
            raise LineError("does not fall silent") from None

    async def _is_talking(self) -> bool:
        try:
            async with asyncio.timeout(SILENCE):
                await self._inbox.more()
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        """Close the device or the connection."""
        self._writer.abort()
        self._reader.close()


async def open_line(port: str, baud: int, parity: Parity) -> Line:
    """Open ``tcp:host:port`` or a serial device at this speed; LineError says why that is not possible."""
    inbox = _Inbox()
    loop = asyncio.get_running_loop()
    try:
        if port.startswith("tcp:"):
            host, number = port.removeprefix("tcp:").rsplit(":", 1)
            async with asyncio.timeout(_TCP_CONNECT):
                connection, _ = await loop.create_connection(lambda: inbox, host, int(number))
            return Line(inbox, connection, connection, baud)
        device = serial.Serial(port, baud, parity=parity, timeout=0, exclusive=True)
        reader, _ = await loop.connect_read_pipe(lambda: inbox, device)
        writer, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, device)
    except TimeoutError:
        raise LineError(f"no connection within {_TCP_CONNECT:.0f} s") from None
    except (OSError, termios.error) as error:  # the latter for what the device can't do, such as parity on a pty
        raise LineError(str(error)) from error
    return Line(inbox, writer, reader, baud)
