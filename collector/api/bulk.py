"""How does a long answer leave? Whole where it is short; else piece by piece as it is read, and no part before a doubt.

What the store refuses, and what is too long, is refused before the first byte.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Hashable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from collector.api.parts import Parts, is_range
from collector.api.writing import Writer
from collector.refusals import AskedWrongError

MOST_ROWS = 10_000_000  # in one answer
FEW = 1_000  # rows: written before a thread would begin
WHOLE = 40_000  # rows: what is no longer leaves in one piece, with its length


@dataclass(frozen=True, slots=True)
class Answer:
    """``pieces`` are record batches that only this answer reads."""

    pieces: AsyncGenerator[Any, None]
    writer: Writer
    headers: dict[str, str]
    key: Hashable
    """Equal for the same answer to the same asker."""
    count: Callable[[], Awaitable[int]] | None = None
    """How many rows there are: asked of long answers only."""
    keep: Callable[[Sequence[Any]], None] | None = None
    """Called with all pieces of a short answer."""


async def respond(request: Request, answer: Answer) -> Response:
    """Raises what the store raises, and AskedWrongError for what is too long."""
    pieces, writer = answer.pieces, answer.writer
    first: list[Any] = []
    try:
        is_whole = await _peek(pieces, first)
        if not is_whole and answer.count is not None:
            check_rows(await answer.count())
    except BaseException:
        await pieces.aclose()
        raise
    if request.method == "HEAD" and not is_whole:
        await pieces.aclose()
        head = Response(media_type=writer.media_type, headers=answer.headers)
        del head.headers["Content-Length"]  # nobody has counted
        return head
    if is_range(request, answer.headers.get("ETag")):
        parts: Parts = request.app.state.parts
        return await parts.answer(request, answer.key, _body(first, pieces, writer), answer.headers, writer.media_type)
    answer.headers["Accept-Ranges"] = "bytes"
    if is_whole:
        if answer.keep is not None:
            answer.keep(first)
        return await at_once(first, writer, answer.headers)
    return StreamingResponse(_body(first, pieces, writer), media_type=writer.media_type, headers=answer.headers)


async def at_once(pieces: Sequence[Any], writer: Writer, headers: dict[str, str]) -> Response:
    """A short answer, in one piece."""
    is_slow = writer.is_slow and sum(map(len, pieces)) > FEW
    body = await asyncio.to_thread(writer.whole, pieces) if is_slow else writer.whole(pieces)
    return Response(body, media_type=writer.media_type, headers=headers)


def check_rows(count: int) -> None:
    """AskedWrongError where that is more than one answer may have."""
    if count > MOST_ROWS:
        raise AskedWrongError(f"to: at most {MOST_ROWS} rows in one answer, this has {count}: ask for less time")


async def _peek(pieces: AsyncGenerator[Any, None], first: list[Any]) -> bool:
    """Take up to ``WHOLE`` rows; True when these are all."""
    rows = 0
    while rows <= WHOLE:
        piece = await anext(pieces, None)
        if piece is None:
            return True
        first.append(piece)
        rows += len(piece)
    return False


async def _body(first: list[Any], pieces: AsyncGenerator[Any, None], writer: Writer) -> AsyncIterator[bytes]:
    async with aclosing(pieces):
        yield writer.begin()
        while first:
            yield b"".join(await _written(writer, first.pop(0)))
        async for piece in pieces:
            yield b"".join(await _written(writer, piece))
        yield writer.end()


async def _written(writer: Writer, piece: Any) -> list[bytes]:
    if writer.is_slow and len(piece) > FEW:
        return await asyncio.to_thread(writer.piece, piece)
    return writer.piece(piece)
