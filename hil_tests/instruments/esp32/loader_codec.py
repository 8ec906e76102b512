"""What do esptool and the chip's loader say to each other? Espressif's serial protocol, bytes to values and back."""

import struct
from enum import IntEnum
from typing import NamedTuple

SYNC_BODY = b"\x07\x07\x12\x20" + 32 * b"\x55"
RUNS = b"OHAI"
"""What the loader in RAM says when it has started."""
INVALID_MESSAGE = 5
"""Error of the ROM for a command that it does not know."""
INVALID_CHECKSUM = 7
_CHECKSUM_SEED = 0xEF
_REQUEST, _RESPONSE = 0, 1
_HEADER = struct.Struct("<BBHI")


class Op(IntEnum):
    """Commands, with the names of the protocol."""

    FLASH_BEGIN = 0x02
    FLASH_DATA = 0x03
    FLASH_END = 0x04
    MEM_BEGIN = 0x05
    MEM_END = 0x06
    MEM_DATA = 0x07
    SYNC = 0x08
    WRITE_REG = 0x09
    READ_REG = 0x0A
    SPI_SET_PARAMS = 0x0B
    SPI_ATTACH = 0x0D
    READ_FLASH_SLOW = 0x0E
    CHANGE_BAUDRATE = 0x0F
    FLASH_DEFL_BEGIN = 0x10
    FLASH_DEFL_DATA = 0x11
    FLASH_DEFL_END = 0x12
    SPI_FLASH_MD5 = 0x13
    GET_SECURITY_INFO = 0x14
    ERASE_FLASH = 0xD0
    ERASE_REGION = 0xD1
    READ_FLASH = 0xD2


class Request(NamedTuple):
    """One command; ``checksum`` covers the data of a block."""

    op: int
    body: bytes
    checksum: int = 0

    def words(self, count: int) -> tuple[int, ...]:
        """The first so many 32-bit words of the body. Raises struct.error for a shorter one."""
        return struct.unpack_from(f"<{count}I", self.body)

    def block(self) -> bytes | None:
        """The data of FLASH_DATA, FLASH_DEFL_DATA and MEM_DATA; None: not what its checksum says."""
        size = self.words(1)[0]
        data = self.body[16 : 16 + size]
        return data if len(data) == size and checksum(data) == self.checksum else None


def parse(packet: bytes) -> Request | None:
    """None: not a whole command."""
    if len(packet) < _HEADER.size:
        return None
    direction, op, size, check = _HEADER.unpack_from(packet)
    body = packet[_HEADER.size :]
    return Request(op, body, check) if direction == _REQUEST and len(body) == size else None


def request(op: Op, body: bytes = b"", check: int = 0) -> bytes:
    """The packet that asks."""
    return _HEADER.pack(_REQUEST, op, len(body), check) + body


def response(op: int, value: int = 0, data: bytes = b"", error: int = 0, *, is_stub: bool = False) -> bytes:
    """The packet that answers; the ROM of an ESP32 has four octets of status, the loader in RAM two."""
    status = bytes([1 if error else 0, error]) + (b"" if is_stub else b"\0\0")
    return _HEADER.pack(_RESPONSE, op, len(data) + len(status), value) + data + status


def checksum(data: bytes) -> int:
    found = _CHECKSUM_SEED
    for octet in data:
        found ^= octet
    return found
