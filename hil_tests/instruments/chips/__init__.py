"""Virtual chips: each answers on its bus as its datasheet says, and a foreign client reads it like ours does."""

from collections.abc import Callable
from typing import Any, Protocol


class I2cChip(Protocol):
    """``exchange`` is one write (pointer, then data) and one read after a repeated start, either may be empty."""

    address: int

    def exchange(self, request: bytes, size: int) -> bytes: ...


def bus(*chips: I2cChip) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """An I2C bus as the simulated board asks it, line by line; nobody acknowledges an address without a chip."""
    there = {chip.address: chip for chip in chips}

    def answer(question: dict[str, Any]) -> dict[str, Any]:
        chip = there.get(question["address"])
        octets = chip.exchange(bytes.fromhex(question["write"]), question["read"]) if chip else None
        return {"read": None if octets is None else octets.hex()}

    return answer
