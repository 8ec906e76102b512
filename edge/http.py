"""What does the gateway say on loopback? ``/health`` and ``/metrics``, and nothing else."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

_LONGEST_REQUEST = 4096
_PATIENCE = 5.0  # s for a request


class Pages:
    """Serves GET until closed; there is no login, so loopback is all it listens on."""

    def __init__(self, health: Callable[[], dict[str, Any]], metrics: Callable[[], str]) -> None:
        self._health = health
        self._metrics = metrics

    async def serve(self, port: int) -> asyncio.Server:
        """Raises OSError when the port is taken."""
        return await asyncio.start_server(self._answer, "127.0.0.1", port, limit=_LONGEST_REQUEST)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                request = await reader.readuntil(b"\r\n\r\n")
                status, kind, text = self.page(request.split(b"\r\n", 1)[0].decode("latin-1"))
                body = text.encode()
                head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
                writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever asked is gone, or did not ask by HTTP
        finally:
            writer.close()

    def page(self, request: str) -> tuple[str, str, str]:
        """Status, content type and text for a request line."""
        method, _, rest = request.partition(" ")
        path = rest.split(" ")[0]
        if path not in {"/health", "/metrics"}:
            return "404 Not Found", "text/plain", "there is /health and /metrics\n"
        if method != "GET":
            return "405 Method Not Allowed", "text/plain", "only GET\n"
        if path == "/metrics":
            return "200 OK", "text/plain; version=0.0.4", self._metrics()
        health = self._health()
        return "200 OK" if health["ok"] else "503 Service Unavailable", "application/json", json.dumps(health) + "\n"
