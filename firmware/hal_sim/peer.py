"""A part of the simulated board that is a process of the bench: one line of JSON there, one back, over TCP."""

import asyncio
import json


class Peer:
    """``where`` is ``host:port``; the connection is made when it is first needed, and again after it broke."""

    def __init__(self, where: str) -> None:
        self._host, _, port = where.rpartition(":")
        self._port = int(port)
        self._reader = self._writer = None

    async def ask(self, question: dict, timeout_ms: int) -> dict | None:
        """The answer, or None from a peer that is dead, silent or talks nonsense."""
        try:
            if self._reader is None or self._writer is None:
                opening = asyncio.open_connection(self._host, self._port)
                self._reader, self._writer = await asyncio.wait_for_ms(opening, timeout_ms)
            self._writer.write(json.dumps(question).encode() + b"\n")
            await self._writer.drain()
            answer = json.loads(await asyncio.wait_for_ms(self._reader.readline(), timeout_ms))
        except (OSError, EOFError, ValueError, asyncio.TimeoutError):
            await self._hang_up()
            return None
        return answer if type(answer) is dict else None

    async def _hang_up(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
            await writer.wait_closed()
