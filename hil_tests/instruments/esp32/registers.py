"""What does an ESP32 say of itself? The registers that esptool reads, and the flash chip behind its SPI controller."""

from typing import Literal

Chip = Literal["esp32", "esp32s2"]

_MAGIC_ADDRESS = 0x40001000
_MAGIC: dict[Chip, int] = {"esp32": 0x00F01D83, "esp32s2": 0x000007C6}
_EFUSE = 0x3FF5A000
_MAC_LOW, _MAC_HIGH = _EFUSE + 0x04, _EFUSE + 0x08
_REVISION_0, _REVISION_1 = _EFUSE + 0x0C, _EFUSE + 0x14
_APB_DATE = 0x3FF66000 + 0x7C
_UART_DIVIDER = 0x3FF40014
_SPI = 0x3FF42000
_SPI_COMMAND, _SPI_OPERATION, _SPI_RESULT = _SPI, _SPI + 0x24, _SPI + 0x80
_SPI_START = 1 << 18
_READ_IDENTITY, _READ_STATUS_2 = 0x9F, 0x35
_WINBOND = 0x40EF  # manufacturer EF, type 40; the third octet is the logarithm of the size
_QUAD_ENABLED = 2


class Registers:
    """``mac`` is six octets, ``flash_size`` a power of two in bytes."""

    def __init__(self, mac: bytes, flash_size: int, chip: Chip = "esp32") -> None:
        self._flash_identity = (flash_size.bit_length() - 1) << 16 | _WINBOND
        self._fixed = {
            _MAGIC_ADDRESS: _MAGIC[chip],
            _MAC_LOW: int.from_bytes(mac[2:], "big"),
            _MAC_HIGH: int.from_bytes(mac[:2], "big"),
            _REVISION_0: 1 << 15 | 1 << 9,  # revision bit 0; package ESP32-D0WDQ5
            _REVISION_1: 1 << 20,  # revision bit 1
            _APB_DATE: 1 << 31,  # revision bit 2: together revision 3
            _UART_DIVIDER: 347,  # 115200 Bd of 40 MHz
        }
        self._written: dict[int, int] = {}

    def read(self, address: int) -> int:
        return self._written.get(address, self._fixed.get(address, 0))

    def write(self, address: int, value: int) -> None:
        self._written[address] = value
        if address == _SPI_COMMAND and value & _SPI_START:
            operation = self._written.get(_SPI_OPERATION, 0) & 0xFF
            results = {_READ_IDENTITY: self._flash_identity, _READ_STATUS_2: _QUAD_ENABLED}
            self._written[_SPI_RESULT] = results.get(operation, 0)
            self._written[_SPI_COMMAND] = 0  # done
