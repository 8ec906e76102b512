"""How does a virtual board come onto the bench? A process per board, and an interpreter image that is none."""

import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from hil_tests.instruments.mpremote import mpremote
from hil_tests.instruments.process import Program, wait_until

IMAGE_OFFSET = 0x1000
"""Where the boot loader of an ESP32 lies, and where a merged image of an interpreter is written to."""
FILE_SYSTEM = 0x200000
_TABLE, _BOOT_LOADER = 0x8000, b"\xe9"
_ENTRY = struct.Struct("<HBBII16sI")
_PARTITIONS = (
    (1, 2, 0x9000, 0x6000, "nvs"),
    (1, 1, 0xF000, 0x1000, "phy_init"),
    (0, 0, 0x10000, 0x1B0000, "factory"),
    (1, 0x8F, 0x1C0000, 0x40000, "romfs"),
)


def interpreter_image(partitions: Sequence[tuple[int, int, int, int, str]] = _PARTITIONS, size: int = 0x20000) -> bytes:
    """No interpreter: octets of such a size with a partition table (type, subtype, offset, size, label)."""
    octets = bytearray((number * 2654435761 >> 13) & 0xFF for number in range(size))  # deflates as badly as code does
    octets[: len(_BOOT_LOADER)] = _BOOT_LOADER
    table = b"".join(_ENTRY.pack(0x50AA, *numbers, label.encode(), 0) for *numbers, label in partitions)
    at = _TABLE - IMAGE_OFFSET
    octets[at : at + 0x1000] = table.ljust(0x1000, b"\xff")
    return bytes(octets)


class VirtualEsp32:
    """``port`` is what esptool and mpremote open; ``flash`` the file with what is on the board."""

    def __init__(self, folder: Path, number: int = 1, size: int = 4) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = folder / f"port-{number}"
        self.flash = folder / f"flash-{number}.bin"
        self.mac = f"24:6f:28:00:00:{number:02x}"
        self._log = folder / f"board-{number}.log"
        self._size = size
        self._program: Program | None = None

    def plug(self, *faults: str) -> None:
        """Switched on, with what is on its flash; faults are gone with the next plugging."""
        self.unplug()
        module: list[str | Path] = [sys.executable, "-m", "hil_tests.instruments.esp32"]
        options = [part for fault in faults for part in ("--fault", fault)]
        command = [*module, self.flash, self.port, "--mac", self.mac, "--size", str(self._size), *options]
        self._program = Program(f"board {self.mac}", command, self._log)
        self._program.start()
        wait_until(self.port.is_symlink, f"{self.port} is there: {self._log}")

    def unplug(self) -> None:
        """A power cut."""
        if self._program is not None:
            self._program.kill()
        self.port.unlink(missing_ok=True)

    @property
    def is_plugged(self) -> bool:
        return self._program is not None and self._program.is_running

    def said(self) -> str:
        """Everything that its interpreter has written since its making."""
        return self._log.read_text("utf-8", "replace") if self._log.exists() else ""


def flashed_board(folder: Path, files: Mapping[str, str]) -> VirtualEsp32:
    """Plugged in, with an interpreter and these files on its flash, put there by esptool and mpremote."""
    board = VirtualEsp32(folder)
    board.plug()
    image = folder / "image.bin"
    image.write_bytes(interpreter_image())
    write = [sys.executable, "-m", "esptool", "--port", str(board.port), "write-flash", "0x1000", str(image)]
    subprocess.run(write, check=True, capture_output=True, timeout=100)
    for name, text in files.items():
        file = folder / name
        file.write_text(text)
        mpremote(board.port, "fs", "cp", file, f":{name}").check_returncode()
    return board
