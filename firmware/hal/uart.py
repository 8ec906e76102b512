"""A serial sensor on pins of the chip."""

import asyncio

import machine


class Uart:
    """``pins`` is {"id": 1, "tx": 17, "rx": 16}."""

    def __init__(self, pins: dict, baud: int) -> None:
        self._uart = machine.UART(pins["id"], baudrate=baud, tx=pins["tx"], rx=pins["rx"], timeout=0)
        self._stream = asyncio.StreamReader(self._uart)

    async def exchange(self, request: bytes, size: int, timeout_ms: int) -> bytes:
        """Send and return what came within the time: ``size`` bytes, or fewer from a silent or broken sensor."""
        while self._uart.any():
            self._uart.read()  # the late rest of an answer belongs to nobody
        self._uart.write(request)
        try:
            return await asyncio.wait_for_ms(self._stream.readexactly(size), timeout_ms)
        except (EOFError, asyncio.TimeoutError):
            return b""

    async def receive(self, size: int, timeout_ms: int) -> bytes:
        """What has come, ``size`` bytes at most; nothing from a sensor that is silent for that long."""
        try:
            return await asyncio.wait_for_ms(self._stream.read(size), timeout_ms) or b""
        except asyncio.TimeoutError:
            return b""
