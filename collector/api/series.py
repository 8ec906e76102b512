"""How does an analyst get a whole series? CSV in one call, streamed from the store as it is read."""

import csv
import io
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from collector.api.answers import view_of
from collector.observation import Observation, kind_of
from collector.query import Query as Asked
from collector.registry import Datastream
from collector.sensorthings import AskedWrongError, NotThereError
from collector.view import View

router = APIRouter()

COLUMNS = ("quantity", "at", "value", "quality", "censored", "source", "period", "known", "unit")
_Ms = Annotated[int, Field(ge=0, lt=2**53)]


class Wanted(BaseModel):
    """The parameters. ``from`` is inclusive, ``to`` exclusive, both ms UTC; ``limit`` counts per series."""

    model_config = ConfigDict(extra="forbid")

    thing: str
    quantity: str | None = None
    period: Annotated[int, Field(ge=0)] | None = None
    since: _Ms | None = Field(default=None, alias="from")
    to: _Ms | None = None
    as_of: _Ms | None = None
    limit: Annotated[int, Field(ge=1)] | None = None
    versions: Literal["latest", "all"] = "latest"


@router.get("/api/series.csv", summary="The observations of one thing as CSV; times in ms UTC")
async def series(request: Request, wanted: Annotated[Wanted, Query()]) -> Response:
    """One row per observation, by series and time; ``versions=all`` lists every content kept.

    Without ``quantity``: all series of the thing.
    """
    view = view_of(request)
    if view.thing(wanted.thing) is None:
        raise NotThereError(f"thing: there is no {wanted.thing}")
    streams = [
        one
        for one in view.datastreams_of(wanted.thing)
        if wanted.quantity in (None, one.series.quantity) and wanted.period in (None, one.series.period)
    ]
    if wanted.quantity is not None and not streams:
        refuse_unknown(wanted.quantity)
    asked = [
        Asked(
            one.series,
            since=wanted.since,
            until=wanted.to,
            as_of=wanted.as_of,
            limit=wanted.limit,
            versions=wanted.versions,
        )
        for one in streams
    ]
    return await streamed(_rows(view, streams, asked))


async def streamed(rows: AsyncGenerator[str, None]) -> Response:
    """CSV as it is read; what the store refuses is refused before the first row is on its way."""
    first = await anext(rows)
    return StreamingResponse(_all(first, rows), media_type="text/csv; charset=utf-8")


def refuse_unknown(quantity: str) -> None:
    """AskedWrongError when the contract has no such quantity."""
    try:
        kind_of(quantity)
    except ValueError as error:
        raise AskedWrongError(f"quantity: {quantity}: {error}") from None


async def _all(first: str, rest: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
    async with aclosing(rest):
        yield first
        async for text in rest:
            yield text


async def _rows(view: View, streams: Sequence[Datastream], asked: Sequence[Asked]) -> AsyncGenerator[str, None]:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for stream, query in zip(streams, asked, strict=True):
        kind = kind_of(stream.series.quantity)
        unit = kind.unit if kind.is_number else ""
        async with aclosing(view.chunks(query)) as chunks:
            async for chunk in chunks:
                writer.writerows(_row(one, unit) for one in chunk)
                yield text.getvalue()
                text.seek(0)
                text.truncate()
    yield text.getvalue()


def _row(one: Observation, unit: str) -> tuple[object, ...]:
    value = " ".join(map(repr, one.value)) if isinstance(one.value, tuple) else one.value
    known = one.known or ""
    return (
        one.series.quantity,
        one.at,
        value,
        one.judged,
        one.censored,
        one.source,
        one.series.period,
        known,
        unit,
    )
