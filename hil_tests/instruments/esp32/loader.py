"""What does the chip's loader do when it is asked? Its ROM, and the loader that esptool puts into its RAM."""

import hashlib
import struct
import time
import zlib
from collections.abc import Iterator

from hil_tests.instruments.esp32 import loader_codec
from hil_tests.instruments.esp32.faults import Fault, Name
from hil_tests.instruments.esp32.flash import Flash
from hil_tests.instruments.esp32.loader_codec import Op, Request
from hil_tests.instruments.esp32.registers import Registers

_ROM_SAYS = 0x20120707  # what the ROM answers to SYNC beside the status; the loader in RAM answers 0
_SLOW_BLOCK = 1.0  # s
_SLOW_READ = 64


class UnpluggedError(Exception):
    """The board is gone."""


class RestartError(Exception):
    """The loader was told to start the application."""


class Loader:
    """One board's; ``faults`` are used up as they happen."""

    def __init__(self, flash: Flash, registers: Registers, faults: list[Fault]) -> None:
        self._flash = flash
        self._registers = registers
        self._faults = faults
        self.reset()

    def reset(self) -> None:
        """Download mode, from the start."""
        self._is_stub = False
        self._offset = 0
        self._inflater: zlib._Decompress | None = None
        self._reading: _Reading | None = None

    def answers(self, packet: bytes) -> Iterator[bytes]:
        """What it sends back. Raises UnpluggedError or RestartError when that is what came of it."""
        if self._reading is not None and len(packet) == 4:
            yield from self._reading.sent(int.from_bytes(packet, "little"))
            return
        asked = loader_codec.parse(packet)
        if asked is None:
            return
        try:
            yield from self._obey(asked)
        except (struct.error, zlib.error):
            yield self._answer(asked.op, error=loader_codec.INVALID_MESSAGE)

    def _answer(self, op: int, value: int = 0, data: bytes = b"", error: int = 0) -> bytes:
        return loader_codec.response(op, value, data, error, is_stub=self._is_stub)

    def _obey(self, asked: Request) -> Iterator[bytes]:  # noqa: C901, PLR0912 - one branch per command of the protocol
        op = asked.op
        if op == Op.SYNC:
            yield from 8 * [self._answer(op, 0 if self._is_stub else _ROM_SAYS)]
        elif op == Op.READ_REG:
            yield self._answer(op, self._registers.read(asked.words(1)[0]))
        elif op == Op.WRITE_REG:
            self._registers.write(*asked.words(2))
            yield self._answer(op)
        elif op in (Op.SPI_SET_PARAMS, Op.SPI_ATTACH, Op.MEM_BEGIN, Op.MEM_DATA, Op.CHANGE_BAUDRATE):
            yield self._answer(op)
        elif op == Op.MEM_END:
            yield self._answer(op)
            if asked.words(2)[1]:  # an entry point: what was put into RAM runs now
                self._is_stub = True
                yield loader_codec.RUNS
        elif op in (Op.FLASH_BEGIN, Op.FLASH_DEFL_BEGIN):
            size, _, _, self._offset = asked.words(4)
            self._inflater = zlib.decompressobj() if op == Op.FLASH_DEFL_BEGIN else None
            self._flash.erase(self._offset, size)
            yield self._answer(op)
        elif op in (Op.FLASH_DATA, Op.FLASH_DEFL_DATA):
            yield from self._write(asked)
        elif op in (Op.FLASH_END, Op.FLASH_DEFL_END):
            yield self._answer(op)
            if asked.words(1)[0] == 0:
                raise RestartError
        elif op == Op.SPI_FLASH_MD5:
            digest = hashlib.md5(self._flash.read(*asked.words(2)), usedforsecurity=False)
            yield self._answer(op, data=digest.digest() if self._is_stub else digest.hexdigest().encode())
        elif op == Op.ERASE_FLASH:
            self._flash.erase(0, self._flash.size)
            yield self._answer(op)
        elif op == Op.ERASE_REGION:
            self._flash.erase(*asked.words(2))
            yield self._answer(op)
        elif op == Op.READ_FLASH_SLOW:
            offset, size = asked.words(2)
            yield self._answer(op, data=self._flash.read(offset, size).ljust(_SLOW_READ, b"\0"))
        elif op == Op.READ_FLASH and self._is_stub:
            offset, size, block, in_flight = asked.words(4)
            yield self._answer(op)
            self._reading = _Reading(self._flash.read(offset, size), block, in_flight * block)
            yield from self._reading.sent(0)
        else:  # GET_SECURITY_INFO among them: an ESP32 has none, and is known by that
            yield self._answer(op, error=loader_codec.INVALID_MESSAGE)

    def _write(self, asked: Request) -> Iterator[bytes]:
        data = asked.block()
        if data is None:
            yield self._answer(asked.op, error=loader_codec.INVALID_CHECKSUM)
            return
        if self._inflater is not None:
            data = self._inflater.decompress(data)
        end = self._offset + len(data)
        if self._happens("slow", end, keep=True):
            time.sleep(_SLOW_BLOCK)
        if data and self._happens("corrupt", end):
            data = data[:-1] + bytes([data[-1] ^ 0x5A])
        if not self._happens("full", end, keep=True):
            self._flash.write(self._offset, data)
        self._offset = end
        if self._happens("unplug", end):
            raise UnpluggedError
        yield self._answer(asked.op)

    def _happens(self, name: Name, end: int, *, keep: bool = False) -> bool:
        for fault in self._faults:
            if fault.name == name and end > fault.address:
                if not keep:
                    self._faults.remove(fault)
                return True
        return False


class _Reading:
    """READ_FLASH: blocks ahead of their acknowledgements, then the MD5 of all."""

    def __init__(self, octets: bytes, block: int, window: int) -> None:
        self._octets = octets
        self._block = block
        self._window = window
        self._position = 0

    def sent(self, acknowledged: int) -> Iterator[bytes]:
        while self._position < len(self._octets) and self._position - acknowledged < self._window:
            yield self._octets[self._position : self._position + self._block]
            self._position += self._block
        if acknowledged >= len(self._octets):
            yield hashlib.md5(self._octets, usedforsecurity=False).digest()
