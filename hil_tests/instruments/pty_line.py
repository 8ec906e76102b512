"""How does a virtual meter sit on a serial line? A pty, with the time that a real line takes: a pty has no speed."""

import asyncio
import contextlib
import os
import termios
import tty
from pathlib import Path

_CHUNK = 0.01  # s of bytes written at once
_SPEEDS = {getattr(termios, f"B{rate}"): rate for rate in (300, 600, 1200, 2400, 4800, 9600, 19200, 38400)}
_BITS = 11  # of one character on an 8E1 line


class PtyLine:
    """One pty; ``link`` is a symbolic link to the end that a gateway opens."""

    def __init__(self, link: Path, baud: int) -> None:
        self._baud = baud
        self._link = link
        # Our own handle on the gateway's end keeps the line alive while gateways come and go.
        self._meters_end, self._gateways_end = os.openpty()
        tty.setraw(self._gateways_end)
        os.set_blocking(self._meters_end, False)
        link.unlink(missing_ok=True)
        link.symlink_to(os.ttyname(self._gateways_end))

    def seconds(self, characters: int) -> float:
        """How long so many characters take."""
        return characters * _BITS / self._baud

    @property
    def speed(self) -> int:
        """Bits per second that the gateway has set on its end; 0 for one that is not among the M-Bus speeds."""
        return _SPEEDS.get(termios.tcgetattr(self._gateways_end)[5], 0)

    async def read(self) -> bytes:
        """What the gateway has sent, at least one byte."""
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        loop.add_reader(self._meters_end, readable.set)
        try:
            await readable.wait()
        finally:
            loop.remove_reader(self._meters_end)
        return os.read(self._meters_end, 512)

    async def write(self, octets: bytes) -> None:
        """Send at the line's speed, against absolute deadlines so that errors do not add up."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        step = max(1, int(_CHUNK * self._baud / _BITS))
        for at in range(0, len(octets), step):
            end = min(at + step, len(octets))
            await asyncio.sleep(begun + self.seconds(end) - loop.time())
            with contextlib.suppress(BlockingIOError):  # nobody has read for a long time: a real line loses it too
                os.write(self._meters_end, octets[at:end])

    def close(self) -> None:
        """Pull the cable."""
        os.close(self._meters_end)
        os.close(self._gateways_end)
        self._link.unlink(missing_ok=True)
