"""How does an analyst get whole series? In one call: one or many, in the format that is wanted, as they are read."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import cached_property, lru_cache
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from collector.api.answers import city_of, view_of
from collector.api.asked import MOST_NAMED, Instant, streams_of
from collector.api.asking import Address, ask_in_every_format
from collector.api.bulk import Answer, at_once, respond
from collector.api.formats import writer_for
from collector.api.keeping import kept_by_all, kept_by_nobody, unchanged
from collector.api.listing import Listing, Listings
from collector.api.parts import is_range
from collector.api.prepared import Prepared
from collector.entities.registry import Datastream
from collector.entities.selection import Selection
from collector.observation import Series, kind_of
from collector.series.columns import value_type
from collector.series.query import Query as Asked
from collector.view import View

router = APIRouter(route_class=Prepared)

_FEW = 127  # words that a byte numbers


class Wanted(BaseModel):
    """The parameters of ``/api/series``."""

    model_config = ConfigDict(extra="forbid")

    thing: Annotated[list[str], Field(max_length=MOST_NAMED, description="Several may be named.")] = []
    quantity: Annotated[list[str], Field(max_length=MOST_NAMED, description="Several may be named.")] = []
    center: Annotated[str | None, Field(description="Only what this center owns.")] = None
    period: Annotated[int | None, Field(ge=0, description="ms that a value covers; 0: at one instant.")] = None
    since: Annotated[Instant | None, Field(alias="from", description="Inclusive.")] = None
    to: Annotated[Instant | None, Field(description="Exclusive.")] = None
    as_of: Annotated[Instant | None, Field(description="Only what was known then.")] = None
    limit: Annotated[int | None, Field(ge=1, le=2**53, description="Observations of each series, the first.")] = None
    versions: Annotated[Literal["latest", "all"], Field(description="all: every content that is kept.")] = "latest"
    shape: Annotated[Literal["columns", "rows"], Field(description="Of JSON.")] = "columns"

    @cached_property
    def text(self) -> str:
        """Equal for equal questions."""
        return repr(self)

    def query(self, stream: Datastream) -> Asked:
        """What to ask of one series."""
        return Asked(
            stream.series,
            since=self.since,
            until=self.to,
            as_of=self.as_of,
            limit=self.limit,
            versions=self.versions,
        )


async def _answer(request: Request, wanted: Wanted, extension: str) -> Response:
    """By series and time. ``Accept`` chooses the format: JSON in columns, CSV, Arrow or Parquet.

    A series is named by thing and quantity; without one of them, all that the other leaves.
    """
    view = view_of(request)
    writer = writer_for(request, extension, is_rows=wanted.shape == "rows")
    selection = _selection(request.app.state.listings, view, wanted)
    streams = selection.streams
    revision = view.changed(selection)
    if selection.is_open:
        headers = kept_by_all(writer.extension, selection.inner, wanted.text, view.city, revision=revision)
    else:
        headers = kept_by_nobody()
    if same := unchanged(request, headers):
        return same
    table = writer(_schema(selection.inner))
    about = (selection.inner, wanted.text)
    recent = city_of(request).recent
    keeps = revision if view.revision is not None else None  # of one whose every look is logged nothing is kept
    if keeps is not None and not is_range(request, headers.get("ETag")) and (found := recent.find(about, keeps)):
        headers["Accept-Ranges"] = "bytes"
        return await at_once(found, table, headers)

    async def count() -> int:
        limit = wanted.limit or 2**63
        return sum([min(limit, await view.count(wanted.query(one))) for one in streams])

    def keep(batches: Sequence[Any]) -> None:
        if keeps is not None:
            recent.keep(about, keeps, batches)

    pieces = _pieces(view, streams, wanted, _Labels(streams))
    key = (view.asker, writer, *about, revision)
    return await respond(request, Answer(pieces, table, headers, key, count, keep))


ask_in_every_format(
    router, Address("/api/series", "The observations of one or many series, in one call"), Wanted, _answer
)


def _selection(kept: Listings, view: View, wanted: Wanted) -> Selection:
    """Who names no thing looks through all of the city: what was found is kept."""
    if wanted.thing:
        return view.select(streams_of(view, wanted.thing, wanted.quantity, wanted.center, wanted.period))
    question = ("series", tuple(wanted.quantity), wanted.center, wanted.period)
    listing = kept.get(view, question)
    if listing is None:
        listing = Listing(view, streams_of(view, (), wanted.quantity, wanted.center, wanted.period))
        kept.keep(view, question, listing)
    return listing.selection


async def _pieces(
    view: View, streams: Sequence[Datastream], wanted: Wanted, labels: "_Labels"
) -> AsyncGenerator[Any, None]:
    for place, stream in enumerate(streams):
        async with aclosing(view.columns(wanted.query(stream))) as batches:
            async for batch in batches:
                yield labels.put_on(batch, place)


@lru_cache(maxsize=1000)
def _schema(several: Sequence[Series]) -> Any:
    """Of a table of all of them: numbers where all are numbers; where kinds differ, ``value`` is a text."""
    types = {value_type(kind_of(one.quantity)) for one in several} or {pa.float64()}
    if types == {pa.float64(), pa.int64()}:
        types = {pa.float64()}
    return _with_labels(types.pop() if len(types) == 1 else pa.string(), _index(len(several))[1])


def _index(count: int) -> tuple[Any, Any]:
    """What numbers so many series, in numpy and in Arrow."""
    return (np.int8, pa.int8()) if count <= _FEW else (np.int16, pa.int16())


@lru_cache(maxsize=100)
def _with_labels(value: Any, index: Any) -> Any:
    word, label = pa.dictionary(pa.int8(), pa.string()), pa.dictionary(index, pa.string())
    return pa.schema(
        [
            ("quantity", label),
            ("at", pa.int64()),
            ("value", value),
            ("quality", word),
            ("censored", word),
            ("source", pa.string()),
            ("period", pa.dictionary(index, pa.int64())),
            ("known", pa.int64()),
            ("unit", label),
            ("thing", label),
        ]
    )


class _Labels:
    """What is the same for a whole series, as columns; all pieces of an answer share the words."""

    def __init__(self, streams: Sequence[Datastream]) -> None:
        several = [one.series for one in streams]
        kinds = [kind_of(one.quantity) for one in several]
        self._index = _index(len(several))
        self._columns = [
            _Words([one.quantity for one in several], pa.string()),
            _Words([one.period for one in several], pa.int64()),
            _Words([kind.unit if kind.is_number else "" for kind in kinds], pa.string()),
            _Words([one.thing for one in several], pa.string()),
        ]

    def put_on(self, batch: Any, place: int) -> Any:
        at, value, quality, censored, source, known = batch.columns
        quantity, period, unit, thing = (one.column(place, len(batch), self._index[0]) for one in self._columns)
        columns = [quantity, at, value, quality, censored, source, period, known, unit, thing]
        return pa.RecordBatch.from_arrays(columns, schema=_with_labels(value.type, self._index[1]))


class _Words:
    """One word, or number, a series."""

    def __init__(self, words: Sequence[Any], kind: Any) -> None:
        different = list(dict.fromkeys(words))
        places = {word: place for place, word in enumerate(different)}
        self._places = [places[word] for word in words]
        self._dictionary = pa.array(different, kind)

    def column(self, place: int, count: int, index: Any) -> Any:
        return pa.DictionaryArray.from_arrays(pa.array(np.full(count, self._places[place], index)), self._dictionary)
