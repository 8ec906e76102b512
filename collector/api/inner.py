"""How does the application ask itself? As a client of its own would, with the credentials of the request at hand."""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote

from fastapi import Request
from starlette.types import Message, Scope

_DROPPED = (b"content-length", b"content-type", b"transfer-encoding", b"accept-encoding", b"prefer", b"accept")


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


async def ask(
    request: Request, method: str, target: tuple[str, str], headers: Mapping[str, str], body: bytes
) -> Answer:
    """The answer to another request of the same client; ``target`` is its (path, query), percent-coded."""
    path, query = target
    kept = [(name, value) for name, value in request.scope["headers"] if name not in _DROPPED]
    added = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
    scope: Scope = {
        **{key: request.scope[key] for key in _KEPT if key in request.scope},
        "method": method,
        "path": unquote(path),
        "raw_path": path.encode("latin-1", "replace"),
        "query_string": query.encode("latin-1", "replace"),
        "headers": [*kept, *added, (b"content-length", str(len(body)).encode())],
    }
    waiting = [{"type": "http.request", "body": body, "more_body": False}]
    started: Message = {}
    pieces: list[bytes] = []

    async def receive() -> Message:
        return waiting.pop() if waiting else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            started.update(message)
        else:
            pieces.append(message.get("body", b""))

    await request.app(scope, receive, send)
    told = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in started["headers"]}
    return Answer(started["status"], told, b"".join(pieces))


_KEPT = ("type", "asgi", "http_version", "scheme", "client", "server", "root_path", "extensions")
