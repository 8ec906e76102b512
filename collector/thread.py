"""How is something done in a thread that is not left half done? Who is cancelled meanwhile waits for its end."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def to_its_end(job: Callable[[], T]) -> T:
    """What it returns, or raises."""
    working = asyncio.create_task(asyncio.to_thread(job))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait([working])
        raise
