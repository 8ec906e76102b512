"""How are registers read from a Modbus server? The only importer of pymodbus.

On RTU framing an answer that comes late is taken for the next request's, silently, by every library tested; so after
any failure, cancelling included, the connection is closed, the line is left silent, and only then opened again.
"""

import asyncio
import termios
from typing import Literal

from pymodbus import FramerType, ModbusException
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient

from edge.errors import DeviceError, LineError
from edge.line import Parity
from edge.modbus.register import Block

Kind = Literal["modbus-rtu", "modbus-tcp"]
SILENCE = 0.25  # s on RTU framing between closing and opening again; a meter answers no later than this
TIMEOUT = 2.0  # s for one answer
_EXCEPTIONS = {
    1: "illegal function", 2: "illegal data address", 3: "illegal data value", 4: "server device failure",
    5: "acknowledge", 6: "server device busy", 10: "gateway path unavailable", 11: "gateway target does not answer",
}  # fmt: skip


class Client:
    """One Modbus line; ``port`` is a serial device or ``tcp:host:port``. Opens when first asked."""

    def __init__(self, kind: Kind, port: str, baud: int, parity: Parity, timeout: float = TIMEOUT) -> None:
        self._is_rtu = kind == "modbus-rtu"
        self._port = port
        self._baud = baud
        self._parity = parity
        self._timeout = timeout
        self._client: AsyncModbusTcpClient | AsyncModbusSerialClient | None = None
        # Loop time before which an RTU line is left silent, also at start: a killed gateway's answer may be on its way.
        self._open_at = asyncio.get_running_loop().time() + (SILENCE if self._is_rtu else 0.0)

    async def read(self, unit_id: int, block: Block) -> list[int]:
        """The registers of one block; DeviceError without an answer or with a refusal, LineError without a line."""
        client = await self._opened()
        read = client.read_holding_registers if block.table == "holding_register" else client.read_input_registers
        is_clean = False
        try:
            async with asyncio.timeout(self._timeout + 1):  # pymodbus has its own; this bounds what it may add
                answer = await read(block.address, count=block.count, device_id=unit_id)
            is_clean = True
        except (ModbusException, TimeoutError, OSError) as error:
            raise DeviceError(f"unit {unit_id}, {_where(block)}: no answer ({error})") from error
        finally:
            if not is_clean:
                self.close()
        if answer.isError():
            code = getattr(answer, "exception_code", 0)
            raise DeviceError(f"unit {unit_id}, {_where(block)}: {_EXCEPTIONS.get(code, f'exception {code}')}")
        if len(answer.registers) != block.count:
            self.close()
            raise DeviceError(f"unit {unit_id}, {_where(block)}: {len(answer.registers)} registers came")
        return list(answer.registers)

    async def _opened(self) -> AsyncModbusTcpClient | AsyncModbusSerialClient:
        if self._client is None:
            loop = asyncio.get_running_loop()
            await asyncio.sleep(max(0.0, self._open_at - loop.time()))
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

    def _new(self) -> AsyncModbusTcpClient | AsyncModbusSerialClient:
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


def _where(block: Block) -> str:
    return f"{block.table} {block.address}+{block.count}"
