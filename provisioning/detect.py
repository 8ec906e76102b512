"""Which board is at a port, and what is on it? The loader names the chip, the interpreter what runs there."""

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

from provisioning import esptool, repl
from provisioning.esptool import BoardError


class Board(NamedTuple):
    """``why`` is empty when everything could be read; None is what the board does not have or did not say."""

    port: str
    chip: str | None = None
    mac: str | None = None
    flash_size: int | None = None
    micropython: str | None = None
    machine: str | None = None
    publisher: str | None = None
    release: int | None = None
    why: str = ""


async def detect(ports: Iterable[str]) -> list[Board]:
    """All at once; each board is reset and runs again."""
    return list(await asyncio.gather(*(_one(port) for port in ports)))


async def _one(port: str) -> Board:
    try:
        identity = await esptool.identify(port)
    except BoardError as error:
        return Board(port, why=str(error))
    found = Board(port, identity.chip, identity.mac, identity.flash_size)
    try:
        return found._replace(**await repl.about(port))
    except BoardError as error:
        return found._replace(why=str(error))
