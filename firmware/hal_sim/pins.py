"""Inputs, outputs and analogue inputs whose other end is a process of the bench."""

from firmware.hal_sim.peer import Peer

TIMEOUT_MS = 1000


class Input:
    """A digital input."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    async def read(self) -> int | None:
        """0 or 1; None from a dead bench."""
        answer = await self._peer.ask({"read": 1}, TIMEOUT_MS)
        return answer.get("level") if answer else None


class Output:
    """A digital output."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    async def write(self, level: int) -> bool:
        """Whether the output took the level."""
        answer = await self._peer.ask({"write": level}, TIMEOUT_MS)
        return bool(answer) and answer.get("level") == level


class Analog:
    """An analogue input."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    async def read_mv(self) -> int | None:
        """Millivolts; None from a dead bench."""
        answer = await self._peer.ask({"read": 1}, TIMEOUT_MS)
        return answer.get("mv") if answer else None
