"""A pulse input that is a process of the bench: it records edges like the low-power counter of the chip."""

import asyncio
import json


class Pulses:
    """``where`` is ``host:port``; the bench keeps every edge until a later cursor is asked for."""

    def __init__(self, where: str) -> None:
        self._host, _, port = where.rpartition(":")
        self._port = int(port)
        self._reader = self._writer = None

    async def since(self, cursor: int, timeout_ms: int) -> tuple | None:
        """Return (first, now_us, edges): ``edges`` are (us, level) from number ``first`` on; None from a dead input.

        ``now_us`` is how far the input has been watched; edges before ``cursor`` may be forgotten by the input.
        """
        try:
            if self._reader is None or self._writer is None:
                opening = asyncio.open_connection(self._host, self._port)
                self._reader, self._writer = await asyncio.wait_for_ms(opening, timeout_ms)
            self._writer.write(json.dumps({"since": cursor}).encode() + b"\n")
            await self._writer.drain()
            answer = json.loads(await asyncio.wait_for_ms(self._reader.readline(), timeout_ms))
            return answer["first"], answer["now"], answer["edges"]
        except (OSError, EOFError, ValueError, asyncio.TimeoutError):
            writer, self._writer = self._writer, None
            if writer is not None:
                writer.close()
                await writer.wait_closed()
            return None
