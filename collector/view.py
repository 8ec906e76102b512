"""What does the city look like to one who asks? Everything that leaves the collector goes through here.

A view names things and datastreams as its asker may know them, and leaves out what the asker may not see. The series
it gives out and takes back are outward ones: those of a personal thing bear its pseudonym.
"""

from collections.abc import AsyncGenerator, Hashable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import msgspec

from collector import sums
from collector.access.asker import Asker
from collector.access.openness import Judgement
from collector.access.reads import Reads
from collector.city import City
from collector.clock import now
from collector.entities.catalog import Catalog
from collector.entities.registry import Datastream, Thing
from collector.entities.selection import Selection
from collector.indicators.indicator import About, Row
from collector.indicators.reading import Question, check, rows
from collector.observation import Observation, Series
from collector.series.aggregation import Aggregate, Aggregation
from collector.series.batch import Int64s
from collector.series.columns import without_source
from collector.series.newest import LastColumns
from collector.series.query import Query


class View:
    """Made for each request; costs nothing until it is asked."""

    def __init__(self, city: City, asker: Asker, reads: Reads | None = None) -> None:
        """``reads`` is logged before an answer leaves; without it no personal data is shown at all."""
        self._city = city
        self._rights = city.rights
        self._reads = reads
        self.asker = asker if reads is not None else replace(asker, purpose="")

    @property
    def city(self) -> str:
        return self._city.registry.city

    @property
    def centers(self) -> list[str]:
        """The ids of all centers."""
        return self._city.access.policy.centers.names

    # ---- what is there ----------------------------------------------------------------------------------------------

    @property
    def things(self) -> list[Thing]:
        """In order of their numbers."""
        return [self._named(one) for one in self._city.registry.things if self._rights.may_see_thing(self.asker, one)]

    def thing(self, identifier: str) -> Thing | None:
        return self._shown(self._rights.thing(identifier))

    def thing_numbered(self, number: int) -> Thing | None:
        return self._shown(self._city.registry.thing_numbered(number))

    @property
    def datastreams(self) -> list[Datastream]:
        """In order of their ids."""
        return [shown for one in self._city.registry.datastreams if (shown := self._outward(one))]

    def datastream(self, identifier: int) -> Datastream | None:
        found = self._city.registry.datastream(identifier)
        return self._outward(found) if found else None

    def datastreams_of(self, thing: str) -> tuple[Datastream, ...]:
        """In order of their ids."""
        found = self._rights.thing(thing)
        several = self._city.registry.datastreams_of(found.id) if found else ()
        return tuple(shown for one in several if (shown := self._outward(one)))

    def publishers_of(self, thing: str) -> list[str]:
        """The ids of those who may speak for it, as far as they are seen; of a personal thing nobody is named."""
        found = self._rights.thing(thing)
        if found is None or self._rights.of(found).is_personal:
            return []
        speakers = (one.id for one in self._city.registry.publishers.values() if found.id in one.things)
        return sorted(one for one in speakers if self.thing(one))

    def in_full(self, number: int) -> Thing | None:
        """The thing of this number where it is seen under its own name: only then are its places and history shown."""
        found = self._city.registry.thing_numbered(number)
        if found is None or self._rights.outward(found) is not found:
            return None
        return found if self._rights.may_see_thing(self.asker, found) else None

    @property
    def catalog(self) -> Catalog:
        """Places, sensors and features of everything: each is shown to who sees ``in_full`` what it belongs to."""
        return self._city.registry.catalog

    def numbers_at(self, location: int) -> list[int]:
        """Of the things that are there now, seen or not."""
        return self._city.registry.things_at(location)

    def measured_with(self, sensor: int) -> list[int]:
        """The ids of the datastreams of a sensor that is not their thing's own, seen or not."""
        return self._city.registry.measured_with(sensor)

    def owner(self, series: Series) -> str:
        """The one center that owns its observations; "" for a series that is not there."""
        inner = self._inner(series)
        return self._rights.owner(*inner) if inner else ""

    def judgement(self, series: Series) -> Judgement | None:
        """Who may see it, and why it is measured."""
        inner = self._inner(series)
        return self._rights.of(inner[0]).judgements[inner[1].id] if inner else None

    # ---- what was observed ------------------------------------------------------------------------------------------

    def last(self, series: Series) -> Observation | None:
        """The newest observation, from memory."""
        inner = self._inner(series)
        found = self._city.store.last(inner[1].series) if inner else None
        return self._renamed(found, series) if found else None

    async def chunks(self, query: Query) -> AsyncGenerator[Sequence[Observation], None]:
        """As ``Reader.chunks``; nothing of a series that is not to be seen."""
        inner = self._inner(query.series)
        if inner is None:
            return
        async with aclosing(self._city.reader.chunks(replace(query, series=inner[1].series))) as chunks:
            async for chunk in chunks:
                yield [self._renamed(one, query.series) for one in chunk]

    async def columns(self, query: Query) -> AsyncGenerator[Any, None]:
        """As ``Reader.columns``; nothing of a series that is not to be seen."""
        inner = self._inner(query.series)
        if inner is None:
            return
        series = inner[1].series
        async with aclosing(self._city.reader.columns(replace(query, series=series))) as batches:
            async for batch in batches:
                yield batch if series == query.series else without_source(batch)

    def select(self, streams: Iterable[Datastream]) -> Selection:
        """Datastreams of this view, for ``last_columns`` and ``changed``."""
        shown, inner = [], []
        is_open = True
        for one in streams:
            if found := self._inner(one.series):
                shown.append(one)
                inner.append(found[1].series)
                is_open = is_open and self._rights.of(found[0]).judgements[found[1].id].openness == "open"
        return Selection(tuple(shown), tuple(inner), self._city.store.table.numbers_of(inner), is_open)

    def last_columns(self, selection: Selection) -> LastColumns:
        """The newest of each, from memory; of a selection that this view has made."""
        return self._city.store.last_columns(self._numbers(selection))

    def changed(self, selection: Selection | None) -> int | None:
        """As ``Store.revision``, of all that is selected, or of everything there is."""
        return self._city.store.revision(self._numbers(selection) if selection else None)

    def _numbers(self, selection: Selection) -> Int64s:
        """What had never been observed may be there by now."""
        is_whole = (selection.numbers >= 0).all()
        return selection.numbers if is_whole else self._city.store.table.numbers_of(selection.inner)

    @property
    def revision(self) -> Hashable:
        """Equal only while the same is shown under the same names; None for one whose every look is logged."""
        if self.asker.purpose:
            return None
        return self._city.registry.revision, self._city.access.protections.revision, self.asker.grants

    async def all(self, query: Query) -> list[Observation]:
        """The whole answer at once: only for a query with a limit."""
        async with aclosing(self.chunks(query)) as chunks:
            return [one async for chunk in chunks for one in chunk]

    async def count(self, query: Query) -> int:
        inner = self._inner(query.series)
        return await self._city.reader.count(replace(query, series=inner[1].series)) if inner else 0

    async def aggregates(self, question: Aggregation) -> AsyncGenerator[Sequence[Aggregate], None]:
        """As ``Reader.aggregates``, over what may be seen; sums of many may be seen where each may not.

        Raises ForbiddenError or AskedWrongError for sums that would tell what one thing measured.
        """
        wanted = sums.sort_out(self._members(question), question)
        if wanted.protected and question.together:
            answer = sums.of_many(self._city.reader, question, wanted)
        else:
            inner = replace(question, things=frozenset(wanted.visible))
            answer = self._city.reader.aggregates(inner) if wanted.visible else sums.nothing()
        async with aclosing(answer) as chunks:
            async for chunk in chunks:
                yield [replace(one, thing=wanted.visible.get(one.thing, "")) for one in chunk]

    async def indicators(
        self, several: Iterable[Series], question: Question
    ) -> AsyncGenerator[tuple[Series, Sequence[Row]], None]:
        """The rows of an indicator of each series, made of what is stored; nothing of one that is not to be seen."""
        city = self._city
        until = now() if question.as_of is None else min(now(), question.as_of)
        for outward in several:
            inner = self._inner(outward)
            if inner is not None:
                about = About(city.meters.of(inner[1].series), until)
                yield outward, await rows(city.reader, inner[1].series, question, about)

    async def check_indicators(self, several: Iterable[Series], question: Question) -> None:
        """Raises AskedWrongError where a series has too much to read."""
        for outward in several:
            inner = self._inner(outward)
            if inner is not None:
                await check(self._city.reader, inner[1].series, question)

    def select_figures(self, question: Aggregation) -> Selection | None:
        """The series that a question is answered from; None where sums of what each may not see stand in it."""
        wanted = sums.sort_out(self._members(question), question)
        if wanted.protected and question.together:
            return None
        outward = (Series(name, question.quantity, question.period) for name in wanted.visible.values())
        return self.select(Datastream(found[1].id, one) for one in outward if (found := self._inner(one)))

    def seen(self, observations: Iterable[Observation]) -> list[Observation]:
        """Those of these stored observations that the asker may see, as the asker may see them."""
        shown = []
        known: dict[Series, Series | None] = {}
        for one in observations:
            series = one.series
            if series not in known:
                stream = self._city.registry.datastream_of(series)
                outward = self._outward(stream) if stream else None
                known[series] = outward.series if outward else None
            name = known[series]
            if name is not None:
                shown.append(self._renamed(one, name))
        return shown

    # ---- names in and out -------------------------------------------------------------------------------------------

    def _shown(self, thing: Thing | None) -> Thing | None:
        return self._named(thing) if thing and self._rights.may_see_thing(self.asker, thing) else None

    def _named(self, thing: Thing) -> Thing:
        outward = self._rights.outward(thing)
        if outward is not thing and self._reads is not None:
            self._reads.note(outward.id)
        return outward

    def _outward(self, stream: Datastream) -> Datastream | None:
        """As it is named outside; None when it is not to be seen."""
        thing = self._city.registry.thing(stream.series.thing)
        if thing is None or not self._rights.may_see(self.asker, thing, stream):
            return None
        outward = self._named(thing)
        return stream if outward is thing else Datastream(stream.id, stream.series._replace(thing=outward.id))

    def _inner(self, series: Series) -> tuple[Thing, Datastream] | None:
        """The thing and the datastream behind an outward series; None when it is not to be seen."""
        thing = self._rights.thing(series.thing)
        stream = self._city.registry.datastream_of(series._replace(thing=thing.id)) if thing else None
        if thing is None or stream is None or not self._rights.may_see(self.asker, thing, stream):
            return None
        self._named(thing)
        return thing, stream

    def _renamed(self, one: Observation, series: Series) -> Observation:
        """A pseudonym's source would be the number on its meter."""
        return one if one.series == series else msgspec.structs.replace(one, series=series, source="")

    def _members(self, question: Aggregation) -> Iterable[sums.Member]:
        """The things that measure what is asked for, by their inner name."""
        registry, rights = self._city.registry, self._rights
        asked = question.things
        things = registry.things if asked is None else [one for name in asked if (one := rights.thing(name))]
        for thing in things:
            stream = registry.datastream_of(Series(thing.id, question.quantity, question.period))
            if stream is None:
                continue
            is_visible = rights.may_see(self.asker, thing, stream)
            outward = self._named(thing).id if is_visible else ""
            yield sums.Member(thing.id, outward, rights.of(thing).judgements[stream.id])
