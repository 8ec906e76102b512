"""How does a relay of a Modbus board switch a device? One coil, which is read back.

port = "/dev/serial/by-id/usb-bench-relays"   # or tcp:host:port
unit_id = 1
coil = 0                                      # counted from zero
"""

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import Field

from hil_tests.instruments.drivers import Place
from hil_tests.instruments.modbus_board import BoardSettings, ModbusBoard
from hil_tests.instruments.process import BenchError


class Settings(BoardSettings):
    coil: int = Field(ge=0, le=65535)


class Relay:
    """Closed is on."""

    def __init__(self, board: ModbusBoard, coil: int, device: str) -> None:
        self._board = board
        self._coil = coil
        self._device = device

    @property
    def is_on(self) -> bool:
        return self._board.coil(self._coil)

    def off(self) -> None:
        self._switch(False)

    def on(self) -> None:
        self._switch(True)

    def _switch(self, is_closed: bool) -> None:
        self._board.set_coil(self._coil, is_closed)
        if self.is_on != is_closed:
            raise BenchError(
                f"power of {self._device}: coil {self._coil} of {self._board} took {is_closed} and kept not"
            )


@contextmanager
def opened(settings: Settings, place: Place) -> Iterator[Relay]:
    yield Relay(ModbusBoard(settings), settings.coil, place.device)
