"""What does a quantity amount to per hour, day or month? Figures over windows as CSV, for each thing or the city."""

import csv
import io
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, field_validator

from collector.aggregation import Aggregate, Aggregation
from collector.analysis.windows import AFTER, ZONE
from collector.api.answers import view_of
from collector.api.series import refuse_unknown, streamed
from collector.sensorthings import AskedWrongError, NotThereError
from collector.view import View

router = APIRouter()

MOST_THINGS = 1_000
COLUMNS = ("thing", "begin", "end", "local", "count")
FIGURES = ("minimum", "maximum", "sum", "mean", "energy_mean", "first", "last")
MARKS = ("suspect", "estimated", "substituted", "censored")
_Ms = Annotated[int, Field(ge=0, lt=AFTER)]


class Wanted(BaseModel):
    """The parameters. ``from`` and ``to`` in ms UTC are widened to whole windows of Koper's calendar."""

    model_config = ConfigDict(extra="forbid")

    quantity: str
    size: Literal["quarter", "hour", "day", "month", "year"]
    since: _Ms = Field(alias="from")
    to: _Ms
    period: Annotated[int, Field(ge=0)] = 0
    thing: Annotated[list[str], Field(max_length=MOST_THINGS)] = []
    """Several may be named; none names the whole city."""
    together: bool = False
    """One row per window over all of them."""
    percentiles: str = ""
    """As in ``10,50,90``: nearest rank, 0 … 100; L10 of noise is 90."""
    as_of: _Ms | None = None

    @field_validator("percentiles")
    @classmethod
    def _are_numbers(cls, text: str) -> str:
        if len(numbers := [float(one) for one in text.split(",") if one]) > 20:
            raise ValueError(f"at most 20, got {len(numbers)}")
        return text


@router.get("/api/figures.csv", summary="Count, minimum, maximum, mean … over calendar windows, as CSV")
async def figures(request: Request, wanted: Annotated[Wanted, Query()]) -> Response:
    """By thing and window; a window in which nothing was observed has no row. Suspect values count apart."""
    view = view_of(request)
    refuse_unknown(wanted.quantity)
    for thing in wanted.thing:
        if view.thing(thing) is None:
            raise NotThereError(f"thing: there is no {thing}")
    percentiles = tuple(float(one) for one in wanted.percentiles.split(",") if one)
    try:
        question = Aggregation(
            wanted.quantity,
            wanted.size,
            wanted.since,
            wanted.to,
            wanted.period,
            frozenset(wanted.thing) or None,
            wanted.together,
            percentiles,
            wanted.as_of,
        )
    except ValueError as error:
        raise AskedWrongError(str(error).replace("until", "to").replace("since", "from")) from None
    return await streamed(_rows(view, question))


async def _rows(view: View, question: Aggregation) -> AsyncGenerator[str, None]:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, *FIGURES, *(f"p{one:g}" for one in question.percentiles), *MARKS])
    async with aclosing(view.aggregates(question)) as chunks:
        async for chunk in chunks:
            writer.writerows(map(_row, chunk))
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    yield text.getvalue()


def _row(one: Aggregate) -> list[object]:
    begin, end = one.window
    local = datetime.fromtimestamp(begin / 1000, ZONE).isoformat(timespec="minutes")
    ends = [" ".join(map(repr, value)) if isinstance(value, tuple) else value for value in (one.first, one.last)]
    numbers = (one.minimum, one.maximum, one.sum, one.mean, one.energy_mean)
    marks = (one.suspect, one.estimated, one.substituted, one.censored)
    return [one.thing, begin, end, local, one.count, *numbers, *ends, *one.percentiles, *marks]
