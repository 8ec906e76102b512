"""How are registers read from and written to a Modbus server? The only importer of pymodbus.

On RTU framing an answer that comes late is taken for the next request's, silently, by every library tested: the frame
says from which unit it is, not to what it answers. So after any failure, cancelling included, the connection is
closed and the line left silent; and the unit that failed is not asked again before its answer can be no more.
"""

import asyncio
import termios
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from pymodbus import FramerType, ModbusException
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient

from edge.errors import DeviceError, LineError
from edge.line import Parity
from edge.modbus.register import BITS, Block, Table

Kind = Literal["modbus-rtu", "modbus-tcp"]
SILENCE = 0.25  # s on RTU framing between closing and opening again, so that no two frames meet
LATEST = 2.0  # s after a failure until which an answer of that unit may still come on RTU framing
TIMEOUT = 2.0  # s for one answer
_EXCEPTIONS = {
    1: "illegal function", 2: "illegal data address", 3: "illegal data value", 4: "server device failure",
    5: "acknowledge", 6: "server device busy", 10: "gateway path unavailable", 11: "gateway target does not answer",
}  # fmt: skip
_AnyClient = AsyncModbusTcpClient | AsyncModbusSerialClient
_READS: dict[Table, Callable[[_AnyClient], Callable[..., Awaitable[Any]]]] = {
    "holding_register": lambda client: client.read_holding_registers,
    "input_register": lambda client: client.read_input_registers,
    "coil": lambda client: client.read_coils,
    "discrete_input": lambda client: client.read_discrete_inputs,
}


class Client:
    """One Modbus line; ``port`` is a serial device or ``tcp:host:port``. Opens when first asked."""

    def __init__(self, kind: Kind, port: str, baud: int, parity: Parity, timeout: float = TIMEOUT) -> None:
        self._is_rtu = kind == "modbus-rtu"
        self._port = port
        self._baud = baud
        self._parity = parity
        self._timeout = timeout
        self._client: _AnyClient | None = None
        # Loop time before which an RTU line is left silent, also at start: a killed gateway's answer may be on its way.
        self._open_at = asyncio.get_running_loop().time() + (SILENCE if self._is_rtu else 0.0)
        self._ask_at: dict[int, float] = {}  # loop time before which this unit is left alone

    async def read(self, unit_id: int, block: Block) -> list[int]:
        """The registers, or bits as 0 and 1, of one block.

        DeviceError without an answer or with a refusal, LineError without a line.
        """
        where = f"unit {unit_id}, {block.table} {block.address}+{block.count}"

        def ask(client: _AnyClient) -> Awaitable[Any]:
            return _READS[block.table](client)(block.address, count=block.count, device_id=unit_id)

        answer = await self._ask(unit_id, where, ask)
        # An answer of bits is filled up to whole bytes.
        words = list(map(int, answer.bits[: block.count])) if block.table in BITS else list(answer.registers)
        if len(words) != block.count:
            self._failed(unit_id)
            raise DeviceError(f"{where}: {len(words)} registers came")
        return words

    async def write(self, unit_id: int, table: Table, address: int, words: list[int]) -> None:
        """Write registers or one coil, and see it acknowledged; errors as of ``read``."""
        where = f"unit {unit_id}, write {table} {address}"

        def ask(client: _AnyClient) -> Awaitable[Any]:
            if table == "coil":
                return client.write_coil(address, bool(words[0]), device_id=unit_id)
            if len(words) == 1:
                return client.write_register(address, words[0], device_id=unit_id)
            return client.write_registers(address, words, device_id=unit_id)

        await self._ask(unit_id, where, ask)

    async def _ask(self, unit_id: int, where: str, ask: Callable[[_AnyClient], Awaitable[Any]]) -> Any:
        client = await self._opened()
        await self._until(self._ask_at.pop(unit_id, 0.0))
        is_clean = False
        try:
            async with asyncio.timeout(self._timeout + 1):  # pymodbus has its own; this bounds what it may add
                answer = await ask(client)
            is_clean = True
        except (ModbusException, TimeoutError, OSError) as error:
            raise DeviceError(f"{where}: no answer ({error})") from error
        finally:
            if not is_clean:
                self._failed(unit_id)
        if answer.isError():
            code = getattr(answer, "exception_code", 0)
            raise DeviceError(f"{where}: {_EXCEPTIONS.get(code, f'exception {code}')}")
        return answer

    def _failed(self, unit_id: int) -> None:
        self.close()
        if self._is_rtu:
            self._ask_at[unit_id] = asyncio.get_running_loop().time() + LATEST

    async def _until(self, moment: float) -> None:
        await asyncio.sleep(max(0.0, moment - asyncio.get_running_loop().time()))

    async def _opened(self) -> _AnyClient:
        if self._client is None:
            await self._until(self._open_at)
            client = self._new()
            try:
                is_open = await client.connect()
            except (ModbusException, OSError, termios.error) as error:  # the last for settings a device can't have
                raise LineError(str(error)) from error
            if not is_open:
                client.close()
                raise LineError("cannot be opened")
            self._client = client
        return self._client

    def _new(self) -> _AnyClient:
        # No retry and no reconnection of its own: both would happen behind the silence rule's back.
        if self._port.startswith("tcp:"):
            host, number = self._port.removeprefix("tcp:").rsplit(":", 1)
            framer = FramerType.RTU if self._is_rtu else FramerType.SOCKET
            return AsyncModbusTcpClient(
                host, port=int(number), framer=framer, timeout=self._timeout, retries=0, reconnect_delay=0
            )
        return AsyncModbusSerialClient(
            self._port, baudrate=self._baud, parity=self._parity, timeout=self._timeout, retries=0, reconnect_delay=0
        )

    def close(self) -> None:
        """Close the line; the next read opens it again, on RTU framing after the silence."""
        if self._client is not None:
            self._client.close()
            self._client = None
            if self._is_rtu:
                self._open_at = asyncio.get_running_loop().time() + SILENCE
