"""How does one look on? Server-sent events of what was just stored, coalesced, bounded per client."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from collector.api.answers import city_of, view_of
from collector.api.things import shown
from collector.city import City
from collector.view import View

router = APIRouter()

QUIET = 15.0  # seconds without news until a comment keeps proxies and clients from giving up


@router.get("/api/events", summary="New observations as server-sent events")
async def events(request: Request, thing: str | None = None) -> StreamingResponse:
    """``event: observations`` carries a JSON list; ``event: dropped`` counts what a slow client missed."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(
        _events(city_of(request), view_of(request), thing), media_type="text/event-stream", headers=headers
    )


async def _events(city: City, view: View, thing: str | None) -> AsyncIterator[bytes]:
    yield b"retry: 2000\n\n"
    with city.feed.subscribe() as stored:
        batches = aiter(stored)
        told = 0
        waiting = asyncio.ensure_future(anext(batches))
        try:
            while True:
                done, _ = await asyncio.wait({waiting}, timeout=QUIET)
                if not done:
                    yield b": still here\n\n"
                    continue
                wanted = [shown(one) for one in view.seen(waiting.result()) if thing in (None, one.series.thing)]
                waiting = asyncio.ensure_future(anext(batches))
                if wanted:
                    yield b"event: observations\ndata: " + msgspec.json.encode(wanted) + b"\n\n"
                if stored.dropped > told:
                    yield b"event: dropped\ndata: %d\n\n" % (stored.dropped - told)
                    told = stored.dropped
        finally:
            waiting.cancel()
