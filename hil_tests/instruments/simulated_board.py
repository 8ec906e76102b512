"""What answers as a Modbus board without one? The library's own server, unit 1.

16 coils, 8 holding registers, and input registers 0 to 1023 that repeat ``words``.
"""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from hil_tests.instruments.process import wait_until

_Server = ModbusSerialServer | ModbusTcpServer


Written = list[tuple[int, list[int]]]
"""(address, values) of each write."""


def _board(written: Written | None, words: Sequence[int]) -> SimDevice:
    async def note(
        _function: int, _start: int, address: int, _count: int, _now: list[int], values: list[int] | list[bool] | None
    ) -> ExcCodes | None:
        if values is not None and written is not None:
            written.append((address, [int(one) for one in values]))
        return None

    coils = [SimData(0, count=16, values=False, datatype=DataType.BITS)]
    inputs = [SimData(0, count=1024 // len(words), values=list(words), datatype=DataType.REGISTERS)]
    registers = [SimData(0, count=8, values=0, datatype=DataType.REGISTERS)]
    return SimDevice(1, (coils, coils, registers, inputs), action=note)


@contextmanager
def simulated_board(at: Path | int, written: Written | None = None, words: Sequence[int] = (0,)) -> Iterator[None]:
    """On a serial device (9600 baud, no parity), or on a TCP port of the loopback; ``written`` gets every write."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(_started(at, _board(written, words)), loop).result(10)
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(_stopped(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        wait_until(lambda: not loop.is_running(), "the board is away")
        loop.close()


async def _started(at: Path | int, board: SimDevice) -> _Server:
    server: _Server
    if isinstance(at, Path):
        server = ModbusSerialServer(board, port=str(at), baudrate=9600)
    else:
        server = ModbusTcpServer(board, address=("127.0.0.1", at))
    await server.serve_forever(background=True)
    return server


async def _stopped(server: _Server) -> None:
    await server.shutdown()  # type: ignore[no-untyped-call]
