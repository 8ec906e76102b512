"""An I2S microphone on pins of the chip."""

import asyncio
import time

import machine

_BUFFER = 16384  # bytes: 85 ms at 48 kHz; what waits longer is overrun


class Microphone:
    """``pins`` is {"id": 0, "sck": 26, "ws": 25, "sd": 33}: slots of 32 bits, the 24 of the sample on the left."""

    def __init__(self, pins: dict, rate: int) -> None:
        self._rate = rate
        source = machine.I2S(
            pins["id"],
            sck=machine.Pin(pins["sck"]),
            ws=machine.Pin(pins["ws"]),
            sd=machine.Pin(pins["sd"]),
            mode=machine.I2S.RX,
            bits=32,
            format=machine.I2S.MONO,
            rate=rate,
            ibuf=_BUFFER,
        )
        self._reader = asyncio.StreamReader(source)
        self._read_at = 0
        self.lost = 0

    async def read_into(self, buffer: bytearray) -> int:
        """Fill the buffer; return its size. A gap longer than the chip's own buffer counts as lost samples."""
        now = time.ticks_us()
        if self._read_at:
            kept = _BUFFER // 4 * 1000000 // self._rate
            late = time.ticks_diff(now, self._read_at) - kept
            if late > 0:
                self.lost += late * self._rate // 1000000
        size = await self._reader.readinto(buffer)
        self._read_at = time.ticks_us()
        return size or 0
