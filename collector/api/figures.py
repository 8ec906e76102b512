"""What does a quantity amount to per hour, day or month? Figures over windows, for each thing or the city."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, Literal

import pyarrow as pa
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, field_validator

from collector.analysis.windows import about
from collector.api.answers import view_of
from collector.api.asked import MOST_NAMED, Instant, check_quantity, check_things
from collector.api.asking import Address, ask_in_every_format
from collector.api.bulk import Answer, check_rows, respond
from collector.api.formats import writer_for
from collector.api.keeping import kept_by_all, kept_by_nobody, unchanged
from collector.api.windowed import batch_of, local
from collector.observation import kind_of
from collector.refusals import AskedWrongError
from collector.series.aggregation import Aggregate, Aggregation
from collector.series.columns import value_type
from collector.view import View

router = APIRouter()


class Wanted(BaseModel):
    """The parameters of ``/api/figures``."""

    model_config = ConfigDict(extra="forbid")

    quantity: str
    size: Annotated[Literal["quarter", "hour", "day", "month", "year"], Field(description="Of Koper's calendar.")]
    since: Annotated[Instant, Field(alias="from", description="Widened to the begin of its window.")]
    to: Annotated[Instant, Field(description="Exclusive; widened to the end of the window before it.")]
    period: Annotated[int, Field(ge=0, description="ms that a value covers; 0: at one instant.")] = 0
    thing: Annotated[list[str], Field(max_length=MOST_NAMED, description="Several; none: the whole city.")] = []
    together: Annotated[bool, Field(description="One row per window over all of them.")] = False
    percentiles: Annotated[str, Field(description="As in 10,50,90: nearest rank, 0 to 100; L10 of noise is 90.")] = ""
    as_of: Annotated[Instant | None, Field(description="Only what was known then.")] = None
    shape: Annotated[Literal["columns", "rows"], Field(description="Of JSON.")] = "columns"

    @field_validator("percentiles")
    @classmethod
    def _are_numbers(cls, text: str) -> str:
        if len(numbers := [float(one) for one in text.split(",") if one]) > 20:
            raise ValueError(f"at most 20, got {len(numbers)}")
        return text

    def question(self) -> Aggregation:
        """Raises AskedWrongError."""
        try:
            return Aggregation(
                self.quantity,
                self.size,
                self.since,
                self.to,
                self.period,
                frozenset(self.thing) or None,
                self.together,
                tuple(float(one) for one in self.percentiles.split(",") if one),
                self.as_of,
            )
        except ValueError as error:
            raise AskedWrongError(str(error).replace("until", "to").replace("since", "from")) from None


async def _answer(request: Request, wanted: Wanted, extension: str) -> Response:
    """By thing and window; a window in which nothing was observed has no row. Suspect values count apart.

    ``Accept`` chooses the format: JSON in columns, CSV, Arrow or Parquet.
    """
    view = view_of(request)
    writer = writer_for(request, extension, is_rows=wanted.shape == "rows")
    check_quantity(wanted.quantity)
    check_things(view, wanted.thing)
    question = wanted.question()
    selection = view.select_figures(question)
    each = 1 if question.together or selection is None else len(selection.streams)
    check_rows(each * about(question.size, *question.range))
    named = None if selection is None else tuple(one.series for one in selection.streams)
    if selection is None and not view.asker.name:
        headers = kept_by_all(revision=None)  # a tag would tell when a household was heard of
    elif selection is not None and selection.is_open:
        headers = kept_by_all(writer.extension, named, repr(wanted), view.city, revision=view.changed(selection))
    else:
        headers = kept_by_nobody()
    if same := unchanged(request, headers):
        return same
    schema = _schema(question)
    key = (view.asker, writer, named, view.revision, repr(wanted), headers.get("ETag"))
    return await respond(request, Answer(_pieces(view, question, schema), writer(schema), headers, key))


ask_in_every_format(
    router, Address("/api/figures", "Count, minimum, maximum, mean … over calendar windows"), Wanted, _answer
)


def _schema(question: Aggregation) -> Any:
    end = value_type(kind_of(question.quantity))
    if pa.types.is_list(end):
        end = pa.string()
    names = ("minimum", "maximum", "sum", "mean", "energy_mean")
    return pa.schema(
        [
            ("thing", pa.string()),
            ("begin", pa.int64()),
            ("end", pa.int64()),
            ("local", pa.string()),
            ("count", pa.int64()),
            *((name, pa.float64()) for name in names),
            ("first", end),
            ("last", end),
            *((f"p{percent:g}", pa.float64()) for percent in question.percentiles),
            *((name, pa.int64()) for name in ("suspect", "estimated", "substituted", "censored")),
        ]
    )


async def _pieces(view: View, question: Aggregation, schema: Any) -> AsyncGenerator[Any, None]:
    async with aclosing(view.aggregates(question)) as chunks:
        async for chunk in chunks:
            if chunk:
                yield batch_of(map(_row, chunk), schema)


def _row(one: Aggregate) -> tuple[object, ...]:
    ends = [" ".join(map(repr, value)) if isinstance(value, tuple) else value for value in (one.first, one.last)]
    numbers = (one.minimum, one.maximum, one.sum, one.mean, one.energy_mean)
    marks = (one.suspect, one.estimated, one.substituted, one.censored)
    return (one.thing, *one.window, local(one.window), one.count, *numbers, *ends, *one.percentiles, *marks)
