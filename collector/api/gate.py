"""Who comes in, how often, and with how much? And what leaves only after it stands in the log."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from http import HTTPStatus

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from collector.access import UnauthenticatedError
from collector.access.asker import ANYONE, Asker
from collector.access.audit import Audit
from collector.access.rates import Rates
from collector.access.reads import Reads

Identify = Callable[[Request], Awaitable[Asker]]

LARGEST = 2 << 20  # bytes of a body
PATIENCE = 20.0  # s for the next part of a body
LONGEST = 16 << 10  # bytes of path and query
_PURPOSE = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
_GONE: Message = {"type": "http.disconnect"}
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"),
)


class Gate:
    """ASGI, around the whole application."""

    def __init__(
        self, app: ASGIApp, *, identify: Identify, audit: Audit, known: Rates | None, unknown: Rates | None
    ) -> None:
        self._app = app
        self._identify = identify
        self._audit = audit
        self._known, self._unknown = known, unknown

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        if len(scope["raw_path"]) + len(scope["query_string"]) > LONGEST:
            await _refuse(send, 414, f"the address is over {LONGEST} bytes")
            return
        try:
            asker = _with_purpose(await self._identify(request), request)
        except UnauthenticatedError as error:
            if wait := self._wait(ANYONE, request):
                await _refuse_for(send, wait)
                return
            await _refuse(send, 401, str(error), (b"www-authenticate", b"Bearer"))
            return
        if wait := self._wait(asker, request):
            await _refuse_for(send, wait)
            return
        length = request.headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > LARGEST:
            await _refuse(send, 413, f"body: at most {LARGEST} bytes")
            return
        reads = Reads(self._audit, asker, f"{request.method} {scope['path']}"[:300])
        scope.setdefault("state", {}).update(asker=asker, reads=reads)
        await self._app(scope, _bounded(receive), _logged(send, reads))

    def _wait(self, asker: Asker, request: Request) -> int:
        """Whole seconds until this one may ask again; 0: now."""
        rates = self._known if asker.name else self._unknown
        if rates is None:
            return 0
        address = request.client.host if request.client else ""
        wait = rates.take(asker.name or address)
        return int(wait) + 1 if wait else 0


def _with_purpose(asker: Asker, request: Request) -> Asker:
    """The header ``Senzorika-Purpose`` says why this request reads, instead of what the token says."""
    purpose = request.headers.get("senzorika-purpose", "")
    return replace(asker, purpose=purpose) if asker.name and _PURPOSE.fullmatch(purpose) else asker


def _bounded(receive: Receive) -> Receive:
    """A body that becomes too large, or does not come on, is cut off: the client is gone, as far as we listen."""
    taken = 0
    is_whole = False

    async def receive_bounded() -> Message:
        nonlocal taken, is_whole
        if is_whole:
            return await receive()  # until the client goes
        try:
            message = await asyncio.wait_for(receive(), PATIENCE)
        except TimeoutError:
            return _GONE
        taken += len(message.get("body", b""))
        is_whole = not message.get("more_body", False)
        return message if taken <= LARGEST else _GONE

    return receive_bounded


def _logged(send: Send, reads: Reads) -> Send:
    async def send_logged(message: Message) -> None:
        await reads.log()
        if message["type"] == "http.response.start":
            present = {name.lower() for name, _ in message["headers"]}
            message["headers"] = [*message["headers"], *(one for one in _HEADERS if one[0] not in present)]
        await send(message)

    return send_logged


async def _refuse_for(send: Send, seconds: int) -> None:
    again = str(seconds)
    await _refuse(send, 429, f"too often; again in {again} s", (b"retry-after", again.encode()))


async def _refuse(send: Send, status: int, text: str, *headers: tuple[bytes, bytes]) -> None:
    body = json.dumps({"code": status, "type": "error", "message": text}).encode()
    more = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": HTTPStatus(status).value, "headers": more})
    await send({"type": "http.response.body", "body": body})
