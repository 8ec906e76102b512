"""What does the city look like to one who asks? Everything that leaves the collector goes through here.

A view names things and datastreams as its asker may know them, and leaves out what the asker may not see. The series
it gives out and takes back are outward ones.
"""

from collections.abc import AsyncGenerator, Iterable, Sequence

from collector.access.asker import Asker
from collector.aggregation import Aggregate, Aggregation
from collector.city import City
from collector.observation import Observation, Series
from collector.query import Query
from collector.registry import Datastream, Thing


class View:
    """Made for each request; costs nothing until it is asked."""

    def __init__(self, city: City, asker: Asker) -> None:
        self._city = city
        self.asker = asker

    @property
    def city(self) -> str:
        return self._city.registry.city

    # ---- what is there ----------------------------------------------------------------------------------------------

    @property
    def things(self) -> list[Thing]:
        """In order of their numbers."""
        return self._city.registry.things

    def thing(self, identifier: str) -> Thing | None:
        return self._city.registry.thing(identifier)

    def thing_numbered(self, number: int) -> Thing | None:
        return self._city.registry.thing_numbered(number)

    @property
    def datastreams(self) -> list[Datastream]:
        """In order of their ids."""
        return self._city.registry.datastreams

    def datastream(self, identifier: int) -> Datastream | None:
        return self._city.registry.datastream(identifier)

    def datastreams_of(self, thing: str) -> tuple[Datastream, ...]:
        """In order of their ids."""
        return self._city.registry.datastreams_of(thing)

    def publishers_of(self, thing: str) -> list[str]:
        """The ids of those who may speak for it."""
        return sorted(one.id for one in self._city.registry.publishers.values() if thing in one.things)

    # ---- what was observed ------------------------------------------------------------------------------------------

    def last(self, series: Series) -> Observation | None:
        """The newest observation, from memory."""
        return self._city.store.last(series)

    def chunks(self, query: Query) -> AsyncGenerator[Sequence[Observation], None]:
        """As ``Reader.chunks``."""
        return self._city.reader.chunks(query)

    def aggregates(self, question: Aggregation) -> AsyncGenerator[Sequence[Aggregate], None]:
        """As ``Reader.aggregates``."""
        return self._city.reader.aggregates(question)

    async def all(self, query: Query) -> list[Observation]:
        """The whole answer at once: only for a query with a limit."""
        return await self._city.reader.all(query)

    async def count(self, query: Query) -> int:
        return await self._city.reader.count(query)

    def seen(self, observations: Iterable[Observation]) -> list[Observation]:
        """Those of these stored observations that the asker may see, as the asker may see them."""
        return list(observations)
