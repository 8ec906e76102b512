"""How does it all stand right now? The newest observation of every series, of a center or of all, in one table."""

from collections.abc import AsyncGenerator
from typing import Annotated, Any, Literal

import pyarrow as pa
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from collector.api.answers import view_of
from collector.api.asked import MOST_NAMED, check_center, check_quantity, check_things
from collector.api.asking import Address, ask_in_every_format
from collector.api.bulk import Answer, respond
from collector.api.formats import writer_for
from collector.api.keeping import kept_by_all, kept_by_nobody, unchanged
from collector.api.listing import Last, Listing, Listings
from collector.api.writing import JsonColumns, JsonRows, json_block, json_rows
from collector.entities.registry import Datastream
from collector.view import View

router = APIRouter()


class Wanted(BaseModel):
    """The parameters of ``/api/last``; without any, everything."""

    model_config = ConfigDict(extra="forbid")

    center: Annotated[str | None, Field(description="Only what this center owns.")] = None
    quantity: Annotated[list[str], Field(max_length=MOST_NAMED, description="Several may be named.")] = []
    thing: Annotated[list[str], Field(max_length=MOST_NAMED, description="Several may be named.")] = []
    shape: Annotated[Literal["columns", "rows"], Field(description="Of JSON.")] = "columns"


async def _answer(request: Request, wanted: Wanted, extension: str) -> Response:
    """One row a series, in order of the datastreams. ``Accept`` chooses JSON in columns, CSV, Arrow or Parquet."""
    view = view_of(request)
    writer = writer_for(request, extension, is_rows=wanted.shape == "rows")
    listing = _listing(request.app.state.listings, view, wanted)
    if listing.selection.is_open:
        about = (writer.extension, view.revision, repr(wanted))
        headers = kept_by_all(*about, revision=view.changed(listing.selection))
    else:
        headers = kept_by_nobody()
    if same := unchanged(request, headers):
        return same
    found = listing.last(view)
    if writer in (JsonColumns, JsonRows):  # values of all kinds side by side, as JSON alone can have them
        body = _rows(found) if writer is JsonRows else _blocks(listing, found)
        return Response(body, media_type=writer.media_type, headers=headers)
    table = _table(found)
    key = (view.asker, writer, view.revision, repr(wanted), view.changed(listing.selection))
    return await respond(request, Answer(_once(table), writer(table.schema), headers, key))


ask_in_every_format(router, Address("/api/last", "The newest observation of every series"), Wanted, _answer)


def _listing(kept: Listings, view: View, wanted: Wanted) -> Listing:
    question = (wanted.center, tuple(wanted.quantity), tuple(wanted.thing))
    known = kept.get(view, question)
    if known is not None:
        return known
    check_center(view, wanted.center)
    check_things(view, wanted.thing)
    for quantity in wanted.quantity:
        check_quantity(quantity)
    listing = Listing(view, _streams(view, wanted))
    kept.keep(view, question, listing)
    return listing


def _streams(view: View, wanted: Wanted) -> list[Datastream]:
    quantities = frozenset(wanted.quantity)
    if wanted.thing:
        several = [one for thing in dict.fromkeys(wanted.thing) for one in view.datastreams_of(thing)]
    else:
        several = view.datastreams
    return [
        one
        for one in several
        if (not quantities or one.series.quantity in quantities)
        and (wanted.center is None or view.owner(one.series) == wanted.center)
    ]


def _blocks(listing: Listing, found: Last) -> bytes:
    if not len(found.places):
        return b'{"blocks":[]}\n'
    numbers = found.numbers
    observed = json_block({**found.marks(), "value": found.values if numbers is None else pa.array(numbers)})
    labels = listing.written if found.is_all else json_block(found.labels())[1:-1]
    return b"".join((b'{"blocks":[{', labels, b",", memoryview(observed)[1:], b"]}\n"))


def _rows(found: Last) -> bytes:
    return b"[" + json_rows({**found.labels(), **found.marks(), "value": found.values}) + b"]\n"


def _table(found: Last) -> Any:
    numbers = found.numbers
    value = pa.array([_cell(one) for one in found.values], pa.string()) if numbers is None else pa.array(numbers)
    return pa.RecordBatch.from_pydict({**found.labels(), **found.marks(), "value": value})


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    return " ".join(map(repr, value)) if isinstance(value, tuple) else repr(value)


async def _once(table: Any) -> AsyncGenerator[Any, None]:
    if len(table):
        yield table
