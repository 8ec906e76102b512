"""How are the rows of an indicator made of what is stored? Series after series, one at a time in the whole city."""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from collector.analysis.windows import HOUR, Window
from collector.indicators.indicator import About, Indicator, Row
from collector.observation import Observation, Series
from collector.reader import Reader
from collector.refusals import AskedWrongError
from collector.series.query import Query
from collector.thread import to_its_end

MOST_READ = 600_000  # observations of one series: a year of minutes
_MONTH = 31 * 24 * HOUR  # how far back the last of some kind is looked for


@dataclass(frozen=True, slots=True)
class Question:
    indicator: Indicator
    windows: Sequence[Window]
    """At least one, in order, without a gap."""
    as_of: int | None = None
    """Ms UTC: only what was known then."""

    def query(self, series: Series) -> Query:
        """What is read of a series, beside single observations before and after it."""
        reach, windows = self.indicator.reach, self.windows
        since, until = max(0, windows[0].begin - reach.back), windows[-1].end + reach.ahead + series.period
        return Query(series, since, until, reach.where, as_of=self.as_of)


async def check(reader: Reader, series: Series, question: Question) -> None:
    """Raises AskedWrongError where that is too much to read, and what the store raises."""
    if await reader.count(question.query(series)) > MOST_READ:
        what = f"{series.quantity} over {series.period} ms" if series.period else series.quantity
        raise AskedWrongError(f"to: over {MOST_READ} observations of {what} of one thing: ask for less time")


async def rows(reader: Reader, series: Series, question: Question, about: About) -> Sequence[Row]:
    """Of a series that was checked. Raises what the store raises."""
    async with reader.making:  # what one reads for this is much, and so is the work
        observations = await _observations(reader, series, question)
        if not observations:
            return []
        return await to_its_end(lambda: list(question.indicator.rows(observations, question.windows, about)))


async def _observations(reader: Reader, series: Series, question: Question) -> list[Observation]:
    """In order of time."""
    reach, query = question.indicator.reach, question.query(series)
    found: list[Observation] = []
    async with aclosing(reader.chunks(query)) as chunks:
        async for chunk in chunks:
            found += chunk
    before: dict[int, Observation] = {}
    after: list[Observation] = []
    since, until = query.since or 0, query.until
    if reach.also:
        last = Query(series, max(0, since - _MONTH), since, (*reach.where, *reach.also), as_of=question.as_of)
        before = await _last(reader, last, 1)
    if reach.before:
        before |= await _last(reader, Query(series, None, since, reach.where, as_of=question.as_of), reach.before)
    if reach.after:
        query = Query(series, until, None, reach.where, limit=reach.after, as_of=question.as_of)
        after = await reader.all(query)
    return [*(before[at] for at in sorted(before)), *found, *after]


async def _last(reader: Reader, query: Query, count: int) -> dict[int, Observation]:
    """By time."""
    return {one.at: one for one in await reader.all(replace(query, descending=True, limit=count))}
