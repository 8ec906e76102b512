"""How does a relay stand for a contact: a reed, a float, a tamper switch? One coil of a Modbus board, in parallel.

port, baud, parity, unit_id    # of the board, as for a switch
coil = 4
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import Field

from hil_tests.instruments.drivers import Place
from hil_tests.instruments.modbus_board import BoardSettings, ModbusBoard
from hil_tests.instruments.process import BenchError

_CLOSED, _OPEN = 0.06, 0.14  # s of a pulse: a contact that bounces must be quiet for 20 ms in either state


class Settings(BoardSettings):
    coil: int = Field(ge=0, le=65535)


class Contact:
    def __init__(self, board: ModbusBoard, coil: int, what: str) -> None:
        self._board = board
        self._coil = coil
        self._what = what

    def show(self, value: float) -> None:
        if value not in (0, 1):
            raise BenchError(f"{self._what}: a contact is shown 0 or 1, no {value:g}")
        self._board.set_coil(self._coil, value == 1)
        if self._board.coil(self._coil) != (value == 1):
            raise BenchError(f"{self._what}: coil {self._coil} of {self._board} did not become {value:g}")

    def pulse(self, count: int) -> None:
        for _ in range(count):
            self._board.set_coil(self._coil, True)
            time.sleep(_CLOSED)
            self._board.set_coil(self._coil, False)
            time.sleep(_OPEN)

    def rest(self) -> None:
        self.show(0)


@contextmanager
def opened(settings: Settings, place: Place) -> Iterator[Contact]:
    yield Contact(ModbusBoard(settings), settings.coil, f"{place.wire} of {place.device}")
