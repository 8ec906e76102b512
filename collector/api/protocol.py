"""How long may the head of a request be, and how long may it take? What uvicorn and httptools leave open.

A client that never ends its head would otherwise hold memory without end; one that sends a byte a minute, a connection.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LONGEST_HEAD = 32 << 10  # bytes of request line and headers; beyond it by at most what one read brings
HEAD_TIME = 10.0  # s from the first byte of a head to its last
MOST_CONNECTIONS = 1_000
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_TOO_LATE = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class Bounded(HttpToolsProtocol):
    """For uvicorn's ``http``."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._head = 0  # bytes of a head that has begun and not ended
        self._is_body = False
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_nothing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._is_body and self._late is None:
            self._expect_head()
        self._head += len(data)
        super().data_received(data)
        if not self._is_body and self._head > LONGEST_HEAD:
            self._end(_TOO_LARGE)

    def on_headers_complete(self) -> None:
        self._expect_nothing()
        self._is_body = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._is_body = False
        self._head = 0

    def _expect_head(self) -> None:
        self._late = self.loop.call_later(HEAD_TIME, self._end, _TOO_LATE)

    def _expect_nothing(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _end(self, answer: bytes) -> None:
        self._expect_nothing()
        if not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()
