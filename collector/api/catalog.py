"""What may anyone have of the city? The catalogue in DCAT-AP 3, as Turtle and JSON-LD, for portals to harvest."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
import numpy as np
from fastapi import APIRouter, Request, Response

from collector.access.asker import ANYONE
from collector.api.answers import city_of
from collector.api.keeping import kept_by_all, unchanged
from collector.dcat import turtle
from collector.dcat.entry import CONTEXT, Entry, dataset, head
from collector.view import View

router = APIRouter()

MEDIA = {"ttl": "text/turtle; charset=utf-8", "jsonld": "application/ld+json"}
MOST_KEPT = 2  # one of each format: 40 MB in such a city
_DOCUMENTED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The catalogue.",
        "content": {
            "text/turtle": {"schema": {"type": "string"}},
            "application/ld+json": {"schema": {"type": "object", "required": ["@context", "@graph"]}},
        },
    }
}


class Catalogs:
    """Those just written: a day long, unless something is named anew. In a city of 10,000 series one takes a second."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, bytes] = OrderedDict()
        self._writing = asyncio.Lock()

    async def get(self, key: Hashable, view: View, base: str, day: str, extension: str) -> bytes:
        async with self._writing:
            if key not in self._kept:
                entries = _entries(view)
                self._kept[key] = await asyncio.to_thread(_written, entries, view.city, base, day, extension)
                while len(self._kept) > MOST_KEPT:
                    self._kept.popitem(last=False)
            return self._kept[key]


@router.get(
    "/catalog.{extension}",
    summary="The catalogue of all that is open, in DCAT-AP 3",
    responses=_DOCUMENTED,
    response_class=Response,
)
@router.head("/catalog.{extension}", include_in_schema=False)
async def catalog(request: Request, extension: Literal["ttl", "jsonld"]) -> Response:
    """Every datastream that anyone may see is a data set, with its series as CSV and Parquet, and in SensorThings.

    The same for all who ask; renewed when something is named anew, and once a day.
    """
    view = View(city_of(request), ANYONE)
    base = str(request.base_url).rstrip("/")
    day = datetime.fromtimestamp(time.time(), UTC).date().isoformat()
    key = (view.revision, base, day, extension)
    headers = kept_by_all(key, revision=0)
    if same := unchanged(request, headers):
        return same
    catalogs: Catalogs = request.app.state.catalogs
    text = await catalogs.get(key, view, base, day, extension)
    return Response(text, media_type=MEDIA[extension], headers=headers)


def _entries(view: View) -> Sequence[Entry]:
    things = {one.id: one for one in view.things}
    selection = view.select(view.datastreams)
    last = view.last_columns(selection).at
    days = np.datetime_as_string(last.astype("datetime64[ms]"), unit="D").tolist()
    return [
        Entry(one, things[one.series.thing], view.owner(one.series), day if at >= 0 else None)
        for one, at, day in zip(selection.streams, last.tolist(), days, strict=True)
    ]


def _written(entries: Sequence[Entry], city: str, base: str, day: str, extension: str) -> bytes:
    nodes = head(base, city, entries, day) + [dataset(base, city, one) for one in entries]
    if extension == "jsonld":
        return msgspec.json.encode({"@context": CONTEXT, "@graph": nodes})
    return (turtle.prefixes(CONTEXT) + turtle.statements(nodes)).encode()
