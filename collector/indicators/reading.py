"""How are the rows of an indicator made of what is stored? Read series by series, and computed in a thread."""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass

from collector.analysis.windows import Window
from collector.indicators.indicator import About, Indicator, Row
from collector.observation import Observation, Series
from collector.reader import Reader
from collector.refusals import AskedWrongError
from collector.series.query import Comparison, Query

MOST_READ = 200_000  # observations of one series
_USABLE = (Comparison("quality", "!=", "suspect"),)


@dataclass(frozen=True, slots=True)
class Question:
    indicator: Indicator
    windows: Sequence[Window]
    """At least one, in order, without a gap."""
    as_of: int | None = None
    """Ms UTC: only what was known then."""


async def rows(reader: Reader, series: Series, question: Question, about: About) -> Sequence[Row]:
    """Raises AskedWrongError where that is too much to read, and what the store raises."""
    observations = await _observations(reader, series, question)
    return await reader.make(lambda: list(question.indicator.rows(observations, question.windows, about)))


async def _observations(reader: Reader, series: Series, question: Question) -> list[Observation]:
    """In order of time."""
    reach, windows = question.indicator.reach, question.windows
    since, until = max(0, windows[0].begin - reach.back), windows[-1].end + reach.ahead
    where = () if question.indicator.takes_suspect else _USABLE
    query = Query(series, since, until, where, as_of=question.as_of, limit=MOST_READ + 1)
    found: list[Observation] = []
    async with aclosing(reader.chunks(query)) as chunks:
        async for chunk in chunks:
            found += chunk
    if len(found) > MOST_READ:
        raise AskedWrongError(f"to: over {MOST_READ} observations of one series: ask for less time")
    before: list[Observation] = []
    after: list[Observation] = []
    if reach.before:
        before = await reader.all(
            Query(series, None, since, where, descending=True, limit=reach.before, as_of=question.as_of)
        )
    if reach.after:
        after = await reader.all(Query(series, until, None, where, limit=reach.after, as_of=question.as_of))
    return [*reversed(before), *found, *after]
