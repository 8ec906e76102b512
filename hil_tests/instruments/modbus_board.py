"""What does a Modbus board of relays or of analogue outputs do? Coils and registers are written and read back.

Each call opens the line and closes it, so that several instruments may share a board, and nothing holds it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from pydantic import Field
from pymodbus import ModbusException
from pymodbus.client import ModbusSerialClient, ModbusTcpClient

from hil_tests.instruments.drivers import Port
from hil_tests.instruments.process import BenchError
from hil_tests.instruments.scenario import Strict

_PATIENCE = 2.0  # s for an answer
_Client = ModbusSerialClient | ModbusTcpClient


class BoardSettings(Strict):
    port: Port
    baud: int = Field(default=9600, ge=300, le=115200)
    parity: Literal["N", "E", "O"] = "N"
    unit_id: int = Field(default=1, ge=1, le=247)


class ModbusBoard:
    """Addresses count from zero. BenchError names the board, and what it did not do."""

    def __init__(self, settings: BoardSettings) -> None:
        self._settings = settings

    def __str__(self) -> str:
        return f"unit {self._settings.unit_id} at {self._settings.port}"

    def coil(self, address: int) -> bool:
        answer = self._ask(f"coil {address}", lambda one, unit: one.read_coils(address, count=1, device_id=unit))
        return bool(answer.bits[0])

    def set_coil(self, address: int, is_closed: bool) -> None:
        self._ask(f"write coil {address}", lambda one, unit: one.write_coil(address, is_closed, device_id=unit))

    def register(self, address: int) -> int:
        """Of the holding registers."""
        what = f"holding register {address}"
        answer = self._ask(what, lambda one, unit: one.read_holding_registers(address, count=1, device_id=unit))
        return int(answer.registers[0])

    def set_register(self, address: int, word: int) -> None:
        what = f"write holding register {address}"
        self._ask(what, lambda one, unit: one.write_register(address, word, device_id=unit))

    def _ask(self, what: str, ask: Callable[[_Client, int], Any]) -> Any:
        try:
            with self._open() as client:
                answer = ask(client, self._settings.unit_id)
        except (ModbusException, OSError) as error:
            raise BenchError(f"{self}: {what}: {error}") from None
        if answer.isError():
            raise BenchError(f"{self}: {what}: refused with exception {answer.exception_code}")
        return answer

    @contextmanager
    def _open(self) -> Iterator[_Client]:
        client = self._client()
        try:
            if not client.connect():
                raise BenchError(f"{self}: cannot be opened")
            yield client
        finally:
            client.close()  # type: ignore[no-untyped-call]

    def _client(self) -> _Client:
        one = self._settings
        if one.port.startswith("tcp:"):
            host, number = one.port.removeprefix("tcp:").rsplit(":", 1)
            return ModbusTcpClient(host, port=int(number), timeout=_PATIENCE, retries=0)
        return ModbusSerialClient(one.port, baudrate=one.baud, parity=one.parity, timeout=_PATIENCE, retries=0)
