"""What does a board's loader do for us? esptool, started as a program of its own."""

import asyncio
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from provisioning import esptool_output, programs
from provisioning.esptool_output import Identity

_IDENTIFY = 60.0  # s
_BYTES_PER_S = 4000  # a board that is slower has a bad cable
_SLACK = 60.0
_BUSY = ("exclusively lock port", "PermissionError(13")  # what pyserial says on Unix, on Windows
_BUSY_TRIES, _BUSY_WAIT = 8, 1.0


class BoardError(Exception):
    """This board can't go on; the others do. The text says why; ``said`` is all that the program said."""

    def __init__(self, why: str, said: str = "") -> None:
        super().__init__(why)
        self.said = said


async def identify(port: str, family: str = "") -> Identity:
    """Chip, MAC and flash size; refuses a chip of another family. The board is reset twice by that."""
    try:
        text = await _run(port, ["flash-id"], _IDENTIFY)
    except BoardError as error:
        _check_family(family, error.said)
        raise
    _check_family(family, text)
    found = esptool_output.identity(text)
    if found is None:
        raise BoardError(f"esptool names no chip, MAC and flash size: {esptool_output.reason(text)}")
    return found


def _check_family(wanted: str, text: str) -> None:
    found = esptool_output.family(text)
    if wanted and found and found != wanted:
        raise BoardError(f"wrong chip: {found}, the interpreter is for {wanted}")


async def write(port: str, baud: int, regions: Mapping[int, Path], progress: Callable[[float], None]) -> None:
    """All regions in one go, each read back by its MD5; ``progress`` gets the share that is written, 0 to 1."""
    sizes = {offset: path.stat().st_size for offset, path in regions.items()}
    total = sum(sizes.values())

    def heard(line: str) -> None:
        found = esptool_output.writing(line)
        if found is not None:
            address, percent = found
            begun = max((offset for offset in sizes if offset <= address), default=0)
            if percent >= 100:  # the address is that of its end, where the next may begin
                begun = max((offset for offset in sizes if offset < address), default=0)
            before = sum(size for offset, size in sizes.items() if offset < begun)
            progress((before + sizes.get(begun, 0) * percent / 100) / total)

    parts = [part for offset, path in sorted(regions.items()) for part in (hex(offset), path)]
    arguments: list[str | Path] = ["--baud", str(baud), "write-flash", *parts]
    text = await _run(port, arguments, _SLACK + total / _BYTES_PER_S, heard)
    if text.count(esptool_output.VERIFIED) != len(regions):
        raise BoardError(f"esptool verified not every region: {esptool_output.reason(text)}")


async def read(port: str, offset: int, size: int, target: Path) -> None:
    """A part of the flash into a file."""
    await _run(port, ["read-flash", hex(offset), str(size), target], _SLACK + size / _BYTES_PER_S)


async def _run(
    port: str,
    arguments: list[str | Path],
    deadline: float,
    heard: Callable[[str], None] = lambda _line: None,
) -> str:
    """Its output; an earlier esptool that dies holds the port for a moment."""
    for _ in range(_BUSY_TRIES):
        ended = await programs.run([sys.executable, "-m", "esptool", "--port", port, *arguments], deadline, heard)
        if ended.status == 0:
            return ended.text
        if ended.status is None:
            raise BoardError(
                f"esptool did not end within {deadline:.0f} s: {esptool_output.reason(ended.text)}", ended.text
            )
        if not any(words in ended.text for words in _BUSY):
            break
        await asyncio.sleep(_BUSY_WAIT)
    raise BoardError(esptool_output.reason(ended.text), ended.text)
