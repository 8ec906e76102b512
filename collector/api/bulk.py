"""How does a long answer leave? Whole where it is short; else piece by piece as it is read, and no part before a doubt.

What the store refuses, and what is too long, is refused before the first byte.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from fastapi import Response
from fastapi.responses import StreamingResponse

from collector.api.writing import Writer
from collector.sensorthings import AskedWrongError

MOST_ROWS = 10_000_000  # in one answer
WHOLE = 40_000  # rows: what is no longer leaves in one piece, with its length


async def answered(
    pieces: AsyncGenerator[Any, None],
    writer: Writer,
    headers: dict[str, str],
    count: Callable[[], Awaitable[int]] | None = None,
) -> Response:
    """``pieces`` are record batches; ``count`` says how many rows there are, and is asked of long answers only."""
    first: list[Any] = []
    try:
        while sum(map(len, first)) <= WHOLE:
            piece = await anext(pieces, None)
            if piece is None:
                body = [writer.begin(), *[await _written(writer, one) for one in first], writer.end()]
                return Response(b"".join(body), media_type=writer.media_type, headers=headers)
            first.append(piece)
        if count is not None:
            check_rows(await count())
    except BaseException:
        await pieces.aclose()
        raise
    return StreamingResponse(_rest(first, pieces, writer), media_type=writer.media_type, headers=headers)


def check_rows(count: int) -> None:
    """AskedWrongError where that is more than one answer may have."""
    if count > MOST_ROWS:
        raise AskedWrongError(f"to: at most {MOST_ROWS} rows in one answer, this has {count}: ask for less time")


async def _rest(first: list[Any], pieces: AsyncGenerator[Any, None], writer: Writer) -> AsyncIterator[bytes]:
    async with aclosing(pieces):
        yield writer.begin()
        while first:
            yield await _written(writer, first.pop(0))
        async for piece in pieces:
            yield await _written(writer, piece)
        yield writer.end()


async def _written(writer: Writer, piece: Any) -> bytes:
    if writer.is_slow and len(piece) > 1_000:
        return await asyncio.to_thread(writer.piece, piece)
    return writer.piece(piece)
