"""What do the numbers mean? Consumption, noise, air, night flow and parking over calendar windows, of each series."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Annotated, Any, Literal

import pyarrow as pa
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from collector.analysis.windows import HOUR, about, windows_between
from collector.api.answers import view_of
from collector.api.asked import MOST_NAMED, Instant, streams_of
from collector.api.asking import Address, ask_in_every_format
from collector.api.bulk import Answer, check_rows, respond
from collector.api.formats import writer_for
from collector.api.keeping import kept_by_all, kept_by_nobody
from collector.api.windowed import batch_of, local
from collector.entities.registry import Datastream
from collector.indicators.air import AIR
from collector.indicators.consumption import CONSUMPTION
from collector.indicators.indicator import Column, Indicator
from collector.indicators.night_flow import NIGHT_FLOW
from collector.indicators.noise import NOISE
from collector.indicators.parking import PARKING
from collector.indicators.reading import Question
from collector.observation import Series, kind_of
from collector.refusals import AskedWrongError
from collector.series.aggregation import LONGEST, YEAR
from collector.view import View

router = APIRouter()

INDICATORS = {one.name: one for one in (CONSUMPTION, NOISE, AIR, NIGHT_FLOW, PARKING)}
MOST_WINDOWS = 40_000  # of each series: a year of quarters of an hour

_TYPES: dict[Column, Any] = {"number": pa.float64(), "count": pa.int64(), "text": pa.string(), "truth": pa.bool_()}


class Wanted(BaseModel):
    """The parameters of ``/api/indicators``."""

    model_config = ConfigDict(extra="forbid")

    indicator: Literal["consumption", "noise", "air", "night_flow", "parking"]
    size: Annotated[Literal["quarter", "hour", "day", "month", "year"], Field(description="Of Koper's calendar.")]
    since: Annotated[Instant, Field(alias="from", description="Widened to the begin of its window.")]
    to: Annotated[Instant, Field(description="Exclusive; widened to the end of the window before it.")]
    thing: Annotated[list[str], Field(max_length=MOST_NAMED, description="Several; none: the whole city.")] = []
    quantity: Annotated[str | None, Field(description="Without it the usual one: water_volume, laeq, no2 …")] = None
    period: Annotated[
        int | None, Field(ge=0, description="ms that a value covers; without it the longest up to an hour.")
    ] = None
    center: Annotated[str | None, Field(description="Only what this center owns.")] = None
    as_of: Annotated[Instant | None, Field(description="Only what was known then.")] = None
    shape: Annotated[Literal["columns", "rows"], Field(description="Of JSON.")] = "columns"

    def question(self) -> Question:
        """Raises AskedWrongError."""
        indicator = INDICATORS[self.indicator]
        if self.size not in indicator.sizes:
            raise AskedWrongError(f"size: {indicator.name} comes by {' '.join(indicator.sizes)}, got {self.size}")
        if self.since >= self.to:
            raise AskedWrongError(f"to: expected more than from, got {self.since} to {self.to}")
        if self.to - self.since > LONGEST:
            raise AskedWrongError(f"to: at most {LONGEST // YEAR} years after from")
        if about(self.size, self.since, self.to) > MOST_WINDOWS:
            raise AskedWrongError(f"to: at most {MOST_WINDOWS} windows: ask for less time, or for longer ones")
        windows = tuple(windows_between(self.size, self.since, self.to))
        return Question(indicator, windows, self.as_of)

    def streams(self, view: View) -> list[Datastream]:
        """Of the usual quantity, where none is named. Raises AskedWrongError and NotThereError."""
        indicator = INDICATORS[self.indicator]
        quantity = self.quantity or indicator.quantity
        found = streams_of(view, self.thing, [quantity], self.center, self.period)
        if not indicator.takes(kind_of(quantity)):
            raise AskedWrongError(f"quantity: {indicator.name} is of {indicator.needs}, not of {quantity}")
        return found if self.period is not None else _as_usual(found)


def _as_usual(found: Sequence[Datastream]) -> list[Datastream]:
    """Of each thing the longest period up to an hour: levels of seconds beside those of quarters say the same twice."""
    usual: dict[str, Datastream] = {}
    for one in sorted(found, key=lambda one: (one.series.period <= HOUR, one.series.period)):
        usual[one.series.thing] = one
    return [one for one in found if usual[one.series.thing] is one]


async def _answer(request: Request, wanted: Wanted, extension: str) -> Response:
    """By series and window; a window in which nothing was measured has no row, one with too little has no number.

    ``Accept`` chooses the format: JSON in columns, CSV, Arrow or Parquet.
    """
    view = view_of(request)
    writer = writer_for(request, extension, is_rows=wanted.shape == "rows")
    question = await asyncio.to_thread(wanted.question)  # tens of thousands of windows
    selection = view.select(wanted.streams(view))
    check_rows(len(selection.streams) * len(question.windows))
    # No tag: what a meter is said to be, and the time that has passed, may change without any observation.
    headers = kept_by_all(revision=None) if selection.is_open else kept_by_nobody()
    schema = _schema(question.indicator)
    key = (view.asker, writer, selection.inner, view.revision, view.changed(selection), repr(wanted))
    several = [one.series for one in selection.streams]
    await view.check_indicators(several, question)
    return await respond(request, Answer(_pieces(view, several, question, schema), writer(schema), headers, key))


ask_in_every_format(
    router, Address("/api/indicators", "Consumption, noise, air, night flow, parking", is_tagged=False), Wanted, _answer
)


def _schema(indicator: Indicator) -> Any:
    return pa.schema(
        [
            ("thing", pa.string()),
            ("quantity", pa.string()),
            ("period", pa.int64()),
            ("unit", pa.string()),
            ("begin", pa.int64()),
            ("end", pa.int64()),
            ("local", pa.string()),
            *((name, _TYPES[column]) for name, column in indicator.columns.items()),
        ]
    )


async def _pieces(view: View, several: Sequence[Series], question: Question, schema: Any) -> AsyncGenerator[Any, None]:
    async with aclosing(view.indicators(several, question)) as found:
        async for series, rows in found:
            if rows:
                unit = question.indicator.unit or kind_of(series.quantity).unit
                told = ((*series, unit, *window, local(window), *values) for window, *values in rows)
                yield await asyncio.to_thread(batch_of, told, schema)
