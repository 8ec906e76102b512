"""An I2C bus on pins of the chip."""

import machine


class I2c:
    """``pins`` is {"id": 0, "scl": 22, "sda": 21}; 100 kHz, so 64 octets block the loop for 6 ms."""

    def __init__(self, pins: dict) -> None:
        self._bus = machine.I2C(
            pins["id"], scl=machine.Pin(pins["scl"]), sda=machine.Pin(pins["sda"]), freq=100000, timeout=20000
        )

    async def exchange(self, address: int, request: bytes, size: int) -> bytes | None:
        """Write, then read ``size`` octets after a repeated start; None when nobody acknowledges."""
        try:
            if request:
                self._bus.writeto(address, request, not size)
            return self._bus.readfrom(address, size) if size else b""
        except OSError:
            return None
