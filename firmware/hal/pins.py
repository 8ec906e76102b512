"""Inputs, outputs and analogue inputs of the chip."""

import machine


class Input:
    """``pin`` is a number; pulled up, so an open contact reads 1."""

    def __init__(self, pin: int) -> None:
        self._pin = machine.Pin(pin, machine.Pin.IN, machine.Pin.PULL_UP)

    async def read(self) -> int | None:
        return self._pin.value()


class Output:
    """``pin`` is a number; low until it is told otherwise."""

    def __init__(self, pin: int) -> None:
        self._pin = machine.Pin(pin, machine.Pin.OUT, value=0)

    async def write(self, level: int) -> bool:
        """Whether the output took the level."""
        self._pin.value(level)
        return self._pin.value() == level


class Analog:
    """``pin`` is a number; calibrated by the chip, up to about 3.1 V."""

    def __init__(self, pin: int) -> None:
        self._input = machine.ADC(machine.Pin(pin), atten=machine.ADC.ATTN_11DB)

    async def read_mv(self) -> int | None:
        return self._input.read_uv() // 1000
