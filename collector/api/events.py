"""How does one look on? Server-sent events of what was just stored, coalesced, bounded, and resumed by their ids."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from collector.api.answers import city_of, view_of
from collector.api.asked import MOST_NAMED, check_center, check_quantity, check_things
from collector.api.things import shown
from collector.observation import Series
from collector.series.feed import Feed, News
from collector.view import View

router = APIRouter()

MOST_CLIENTS = 256  # that look on at once
QUIET = 15.0  # seconds without news until a comment keeps proxies and clients from giving up
GATHER = 0.1  # seconds that news of a moment wait for each other
LONGEST = 600.0  # seconds: then the client comes again by itself, with its id, and is let in anew


class Wanted(BaseModel):
    """The parameters of ``/api/events``; without any, everything."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    thing: Annotated[tuple[str, ...], Field(max_length=MOST_NAMED, description="Several may be named.")] = ()
    quantity: Annotated[tuple[str, ...], Field(max_length=MOST_NAMED, description="Several may be named.")] = ()
    center: Annotated[str | None, Field(description="Only what this center owns.")] = None

    def covers(self, view: View, series: Series) -> bool:
        return (
            (not self.thing or series.thing in self.thing)
            and (not self.quantity or series.quantity in self.quantity)
            and (self.center is None or view.owner(series) == self.center)
        )


_DOCUMENTED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events while one listens, for ten minutes at most: `observations` (a JSON list, with an id),"
        " `dropped` (how many observations a slow client missed), `gap` (what the id cannot bring back).",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    503: {"description": "Too many look on already."},
}


@router.get(
    "/api/events", summary="New observations as server-sent events", responses=_DOCUMENTED, response_class=Response
)
async def events(
    request: Request,
    wanted: Annotated[Wanted, Query()],
    last_event_id: Annotated[str | None, Header(description="What a client sends that lost its connection.")] = None,
) -> Response:
    """What comes within a tenth of a second is one event.

    Whoever comes back with ``Last-Event-ID`` misses nothing that is still here; else ``event: gap`` says so first.
    """
    feed, view = city_of(request).feed, view_of(request)
    check_center(view, wanted.center)
    check_things(view, wanted.thing)
    for quantity in wanted.quantity:
        check_quantity(quantity)
    if feed.subscribers >= MOST_CLIENTS:
        message = f"at most {MOST_CLIENTS} clients look on at once"
        return JSONResponse({"code": 503, "type": "error", "message": message}, 503, {"Retry-After": "60"})
    headers = {"Cache-Control": "private, no-store", "X-Accel-Buffering": "no"}
    stream = stream_of(feed, view, wanted, last_event_id)
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


async def stream_of(feed: Feed, view: View, wanted: Wanted, last_event_id: str | None) -> AsyncIterator[bytes]:
    """Ends after ``LONGEST``."""
    after = _number(feed, last_event_id) if last_event_id else None
    begin = b"retry: 2000\n\n"
    if last_event_id and after is None:
        gone = {"after": last_event_id[:100], "reason": "what came since is no longer here"}
        begin += b"event: gap\ndata: " + msgspec.json.encode(gone) + b"\n\n"
    with feed.subscribe(after) as stored:
        yield begin + _id(feed, stored.number) + b"\n"
        told = 0
        end = asyncio.get_running_loop().time() + LONGEST
        while asyncio.get_running_loop().time() < end:
            try:
                news = await asyncio.wait_for(stored.news(), QUIET)
            except TimeoutError:
                yield b": still here\n" + _id(feed, stored.number) + b"\n"
                continue
            parts = [part for one in news if (part := written(one, view, wanted))]
            lost, told = stored.dropped - told, stored.dropped
            event = b"event: dropped\ndata: %d\n\n" % lost if lost else b""
            if parts:
                data = b"data: [" + b",".join(parts) + b"]\n\n"
                event += _id(feed, stored.number) + b"event: observations\n" + data
            if event:
                yield event
                await asyncio.sleep(GATHER)


def written(news: News, view: View, wanted: Wanted) -> bytes:
    """The observations that one may see and wants, as JSON with commas between; the same for all who see the same."""
    revision = view.revision
    key: Hashable = (revision, wanted)
    known = None if revision is None else news.written.get(key)
    if known is not None:
        return known
    covered: dict[Series, bool] = {}
    several = []
    for one in view.seen(news.observations):
        is_covered = covered.get(one.series)
        if is_covered is None:
            is_covered = covered[one.series] = wanted.covers(view, one.series)
        if is_covered:
            several.append(shown(one))
    text = msgspec.json.encode(several)[1:-1]
    if revision is not None:
        news.written[key] = text
    return text


def _id(feed: Feed, number: int) -> bytes:
    return b"id: %s-%d\n" % (feed.start.encode(), number)


def _number(feed: Feed, last_event_id: str) -> int | None:
    """None where something after it is lost, or cannot be told."""
    start, dash, number = last_event_id.partition("-")
    if start != feed.start or not dash or not number.isascii() or not number.isdigit() or len(number) > 18:
        return None
    return int(number) if feed.reaches(int(number)) else None
