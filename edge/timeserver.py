"""What time is it? Answers the gateway's nodes by SNTP (RFC 4330), and says so when it does not know itself."""

import asyncio
import struct
import time
from collections.abc import Callable
from typing import cast

_SINCE_1900 = 2_208_988_800  # s from 1900 to 1970
_SIZE = 48
_CLIENT, _SERVER = 3, 4
_STRATUM, _UNKNOWN_STRATUM = 3, 16
_PRECISION = -20  # about a microsecond


def answer(request: bytes, received: float, sent: float, *, is_trusted: bool) -> bytes:
    """The answer to a client's request, or nothing; times in seconds since 1970."""
    if len(request) < _SIZE or request[0] & 7 != _CLIENT:
        return b""
    version = request[0] >> 3 & 7
    leap = 0 if is_trusted else 3  # alarm: clock not synchronised
    head = struct.pack(
        ">BBbbII4s", leap << 6 | version << 3 | _SERVER, _STRATUM if is_trusted else _UNKNOWN_STRATUM,
        request[2] if request[2] < 128 else 6, _PRECISION, 0, 0, b"\x7f\x7f\x01\x01" if is_trusted else b"INIT",
    )  # fmt: skip
    return head + _stamp(received) + request[40:48] + _stamp(received) + _stamp(sent)


def _stamp(seconds: float) -> bytes:
    whole = int(seconds)
    return struct.pack(">II", (whole + _SINCE_1900) % 2**32, int((seconds - whole) * 2**32))


class TimeServer(asyncio.DatagramProtocol):
    """Over UDP; ``is_trusted`` says whether this clock may be passed on."""

    def __init__(self, is_trusted: Callable[[], bool], clock: Callable[[], float] = time.time) -> None:
        self._is_trusted = is_trusted
        self._clock = clock

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        octets = answer(data, self._clock(), self._clock(), is_trusted=self._is_trusted())
        if octets:
            self._transport.sendto(octets, addr)


async def serve(host: str, port: int, is_trusted: Callable[[], bool]) -> asyncio.DatagramTransport:
    """Until closed; OSError when the port is taken or not allowed."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: TimeServer(is_trusted), local_addr=(host, port))
    return transport
