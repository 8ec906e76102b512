"""How does a voltage stand for a sensor? One register of a Modbus board of analogue outputs, which is read back.

port, baud, parity, unit_id          # of the board, as for a switch
register = 0                         # a holding register
low = {shown = 0.0, word = 500}      # in the unit of the quantity, and what the register holds then
high = {shown = 10.0, word = 4500}   # between the two in a straight line, beyond them nothing
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from pydantic import Field, model_validator

from hil_tests.instruments.drivers import Place
from hil_tests.instruments.modbus_board import BoardSettings, ModbusBoard
from hil_tests.instruments.process import BenchError
from hil_tests.instruments.scenario import Strict


class End(Strict):
    shown: float
    word: int = Field(ge=0, le=65535)


class Settings(BoardSettings):
    register_: int = Field(alias="register", ge=0, le=65535)
    low: End
    high: End

    @model_validator(mode="after")
    def _has_a_range(self) -> Self:
        if self.high.shown <= self.low.shown or self.high.word == self.low.word:
            raise ValueError("high.shown: it must be above low.shown, and the words must differ")
        return self

    def word(self, value: float) -> int:
        share = (value - self.low.shown) / (self.high.shown - self.low.shown)
        return round(self.low.word + share * (self.high.word - self.low.word))


class Output:
    def __init__(self, settings: Settings, what: str) -> None:
        self._board = ModbusBoard(settings)
        self._settings = settings
        self._what = what

    def show(self, value: float) -> None:
        low, high = self._settings.low.shown, self._settings.high.shown
        if not low <= value <= high:
            raise BenchError(f"{self._what}: {value:g} is not between {low:g} and {high:g}")
        word, register = self._settings.word(value), self._settings.register_
        self._board.set_register(register, word)
        if (found := self._board.register(register)) != word:
            raise BenchError(f"{self._what}: register {register} of {self._board} holds {found} instead of {word}")

    def pulse(self, count: int) -> None:
        raise BenchError(f"{self._what}: a voltage gives no {count} pulses")

    def rest(self) -> None:
        self.show(self._settings.low.shown)


@contextmanager
def opened(settings: Settings, place: Place) -> Iterator[Output]:
    yield Output(settings, f"{place.wire} of {place.device}")
