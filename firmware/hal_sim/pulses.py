"""A pulse input that is a process of the bench: it records edges like the low-power counter of the chip."""

from firmware.hal_sim.peer import Peer


class Pulses:
    """The bench keeps every edge until a later cursor is asked for."""

    outlives_reset = True

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    async def since(self, cursor: int, timeout_ms: int, most: int = 100) -> tuple | None:
        """Return (first, now_us, edges): ``edges`` are up to ``most`` (us, level) from number ``first`` on.

        None from a dead input. ``now_us`` is how far the input has been watched; edges before ``cursor`` may be
        forgotten by the input.
        """
        answer = await self._peer.ask({"since": cursor, "most": most}, timeout_ms)
        return (answer["first"], answer["now"], answer["edges"]) if answer and "edges" in answer else None
