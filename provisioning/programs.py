"""How is a program run beside us? Line by line as it speaks, with a deadline, and never left behind."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple


class Ended(NamedTuple):
    """``status`` is None for one that was ended because its time was over."""

    status: int | None
    text: str


async def run(
    command: Sequence[str | Path], deadline: float, heard: Callable[[str], None] = lambda _line: None
) -> Ended:
    """``deadline`` in s; ``heard`` gets each line, also those that a carriage return ends."""
    process = await asyncio.create_subprocess_exec(
        *(str(part) for part in command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said = bytearray()
    try:
        async with asyncio.timeout(deadline):
            await _listen(process, said, heard)
            status = await process.wait()
    except TimeoutError:
        return Ended(None, _text(said))
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    return Ended(status, _text(said))


async def _listen(process: asyncio.subprocess.Process, said: bytearray, heard: Callable[[str], None]) -> None:
    rest = b""
    while process.stdout is not None and (octets := await process.stdout.read(4096)):
        said += octets
        *lines, rest = (rest + octets).replace(b"\r", b"\n").split(b"\n")
        for line in lines:
            heard(_text(line))


def _text(octets: bytes | bytearray) -> str:
    return octets.decode("utf-8", "replace")
