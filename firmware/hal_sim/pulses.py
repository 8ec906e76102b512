"""A pulse input that is a process of the bench: it records edges like the low-power counter of the chip."""

import asyncio
import json


class Pulses:
    """``where`` is ``host:port``; the bench keeps every edge until a later cursor is asked for."""

    def __init__(self, where: str) -> None:
        self._host, _, port = where.rpartition(":")
        self._port = int(port)
        self._stream = None

    async def since(self, cursor: int, timeout_ms: int) -> tuple | None:
        """Return (first, now_us, edges): ``edges`` are (us, level) from number ``first`` on; None from a dead input.

        ``now_us`` is how far the input has been watched; edges before ``cursor`` may be forgotten by the input.
        """
        try:
            if self._stream is None:
                self._stream, _ = await asyncio.wait_for_ms(asyncio.open_connection(self._host, self._port), timeout_ms)
            self._stream.write(json.dumps({"since": cursor}) + "\n")
            await self._stream.drain()
            answer = json.loads(await asyncio.wait_for_ms(self._stream.readline(), timeout_ms))
            return answer["first"], answer["now"], answer["edges"]
        except (OSError, EOFError, ValueError, asyncio.TimeoutError):
            stream, self._stream = self._stream, None
            if stream is not None:
                stream.close()
                await stream.wait_closed()
            return None
