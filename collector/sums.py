"""Which sums may somebody see who may not see each value in them? Only over many things, and never over chosen ones.

A window counts when at least ``k`` protected things have a value in it. Whoever could choose the things would ask
twice, once with and once without a neighbour; whoever saw the least or the last value would see one household's.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import NamedTuple

from collector.access import ForbiddenError
from collector.access.openness import Judgement
from collector.analysis.windows import about
from collector.reader import Reader
from collector.refusals import AskedWrongError
from collector.series.aggregation import Aggregate, Aggregation

FIGURES = frozenset(("sum", "mean"))
MOST = 1_000_000  # pairs of a protected thing and a window in one question


class Member(NamedTuple):
    thing: str
    """As it is stored."""
    outward: str
    """As it may be named; "" when it may not be seen."""
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Wanted:
    visible: Mapping[str, str]
    """Stored name -> outward name."""
    protected: frozenset[str]
    """Those whose values may be seen in sums only."""
    k: int


def sort_out(members: Iterable[Member], question: Aggregation) -> Wanted:
    """What a question reaches. Raises ForbiddenError for a sum over chosen protected things."""
    visible: dict[str, str] = {}
    protected: set[str] = set()
    k = 2
    for one in members:
        if one.outward:
            visible[one.thing] = one.outward
        elif one.judgement.openness == "aggregated":
            protected.add(one.thing)
            k = max(k, one.judgement.k)
    if protected and question.together and question.things is not None:
        raise ForbiddenError("thing: sums over chosen things are not open; leave it out to ask for all")
    return Wanted(visible, frozenset(protected), k)


async def of_many(reader: Reader, question: Aggregation, wanted: Wanted) -> AsyncGenerator[Sequence[Aggregate], None]:
    """Count, sum and mean of the windows that enough protected things stand behind. Raises AskedWrongError."""
    if question.percentiles:
        raise AskedWrongError("percentiles: of what is open only in sums there are none")
    if question.as_of is not None:
        raise AskedWrongError("as_of: what is open only in sums is told as it is known now")
    windows = about(question.size, *question.range)
    if windows * len(wanted.protected) > MOST:
        raise AskedWrongError(f"size: over {MOST} pairs of a thing and a window: ask for longer windows or less time")
    behind: Counter[int] = Counter()
    each = replace(question, together=False, things=wanted.protected, figures=frozenset())
    async with aclosing(reader.aggregates(each)) as chunks:
        async for chunk in chunks:
            behind.update(one.window.begin for one in chunk if one.count)
    every = replace(question, things=wanted.protected | frozenset(wanted.visible), figures=question.figures & FIGURES)
    async with aclosing(reader.aggregates(every)) as chunks:
        async for chunk in chunks:
            yield [one for one in chunk if behind[one.window.begin] >= wanted.k]


async def nothing() -> AsyncGenerator[Sequence[Aggregate], None]:
    """No window at all."""
    empty: Sequence[Sequence[Aggregate]] = ()
    for none in empty:
        yield none
