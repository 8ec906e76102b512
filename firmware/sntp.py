"""What time does the gateway say it is? One question by SNTP (RFC 4330), asked without blocking the loop."""

import asyncio
import errno
import os
import socket
import struct
import time

from firmware import BUILT_S

_SINCE_1900 = 2208988800  # s from 1900 to 1970
_SIZE = 48
_WAIT_MS = 2000
_STEP_MS = 5


def request(nonce: bytes) -> bytes:
    """Version 4, client; ``nonce`` (8 bytes) stands where the client's time would, and comes back in the answer."""
    return b"\x23" + bytes(39) + nonce


def told(answer: bytes, nonce: bytes) -> int | None:
    """Milliseconds since 1970 UTC, or None.

    Refused: what does not answer this question, a server that is not synchronised itself, and a time before this
    firmware was built.
    """
    if len(answer) < _SIZE or answer[24:32] != nonce or answer[0] & 7 != 4:
        return None
    if answer[0] >> 6 == 3 or not 0 < answer[1] < 16:  # RFC 4330 4: alarm condition; kiss-o'-death or unsynchronised
        return None
    seconds, fraction = struct.unpack(">II", answer[40:48])
    if seconds < 0x80000000:  # RFC 4330 3: the era that begins in 2036
        seconds += 0x100000000
    seconds -= _SINCE_1900
    return None if seconds < BUILT_S else seconds * 1000 + (fraction * 1000 >> 32)


async def ask(host: str, port: int = 123) -> int | None:
    """The time in ms since 1970 UTC at the moment of return, half of the way there and back added; None: no answer."""
    link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        link.setblocking(False)
        nonce = os.urandom(8)
        begun = time.ticks_ms()
        link.sendto(request(nonce), socket.getaddrinfo(host, port, 0, socket.SOCK_DGRAM)[0][-1])
        while time.ticks_diff(time.ticks_ms(), begun) < _WAIT_MS:
            await asyncio.sleep_ms(_STEP_MS)
            answer = _received(link)
            now = told(answer, nonce) if answer else None
            if now is not None:
                return now + time.ticks_diff(time.ticks_ms(), begun) // 2
    except OSError:
        return None
    finally:
        link.close()
    return None


def _received(link) -> bytes:
    try:
        return link.recv(_SIZE)
    except OSError as error:
        if error.errno == errno.EAGAIN:
            return b""
        raise
