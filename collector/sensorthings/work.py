"""What is at hand while entities are created, changed or deleted? Everything as it will be, and the rights to it."""

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from collector.access.asker import EVERY, Asker
from collector.entities.change import Change
from collector.entities.known import Known
from collector.entities.records import Datastream, Feature, HistoricalLocation, Location, Record, Sensor, Thing
from collector.messages.decode import Reading
from collector.observation import Series
from collector.refusals import AskedWrongError, ConflictError

R = TypeVar("R", bound=Record)

FILE = "inventory.toml"
SET_OF: dict[Any, str] = {
    Thing: "Things",
    Location: "Locations",
    HistoricalLocation: "HistoricalLocations",
    Datastream: "Datastreams",
    Sensor: "Sensors",
    Feature: "FeaturesOfInterest",
}


class Entered(NamedTuple):
    """An observation that is to be stored once the entities around it are."""

    stream: Datastream
    reading: Reading
    path: str


@dataclass(frozen=True, slots=True)
class Work:
    """Of one request, in the thread that writes."""

    known: Known
    change: Change
    asker: Asker
    now: int
    """ms UTC."""
    centers: Container[str]
    is_observed: Callable[[Series], bool]
    """Has a series any observations?"""
    publishers_of: Callable[[int | None], list[str]]
    """The ids of those who may speak for a thing."""
    why_not: Callable[[Reading, int], str]
    """Why a reading can't be stored at an instant; "" where it can."""
    entered: list[Entered] = field(default_factory=list)

    # ---- finding ----------------------------------------------------------------------------------------------------

    def get(self, kind: type[R], number: Any) -> R | None:
        """As it is, or as this request has made it."""
        if not isinstance(number, int):
            return None
        known, catalog = self.known, self.known.catalog
        ways: dict[Any, Callable[[int], Any]] = {
            Thing: known.thing_numbered,
            Datastream: known.datastream,
            Location: catalog.location,
            HistoricalLocation: catalog.historical_location,
            Sensor: catalog.sensor,
            Feature: catalog.feature,
        }
        found: R | None = self.change.get(kind, number) or ways[kind](number)
        return None if found is None or self.change.is_dropped(found) else found

    def linked(self, kind: type[R], number: Any, path: str) -> R:
        """What a link names; raise AskedWrongError."""
        found = self.get(kind, number)
        if found is None:
            raise AskedWrongError(f"{path}: there is no {SET_OF[kind]}({number})")
        return found

    def stream_of(self, series: Series) -> Datastream | None:
        made = (one for one in self.change.of(Datastream) if one.series == series)
        return self.known.datastream_of(series) or next(made, None)

    def thing_of(self, stream: Datastream) -> Thing:
        found = self.known.thing(stream.series.thing)
        found = found or next((one for one in self.change.of(Thing) if one.id == stream.series.thing), None)
        if found is None:
            raise ConflictError(f"Datastreams({stream.id}): its thing is not there")
        return self.get(Thing, found.number) or found

    # ---- rights -----------------------------------------------------------------------------------------------------

    def must(self, things: Iterable[Thing], act: str = "administer") -> None:
        """The right at the center of each; for what belongs to none, at every center."""
        for center in sorted({one.center for one in things}) or (EVERY,):
            self.asker.must(act, center)

    def things_with(self, place: Location) -> list[Thing]:
        """Who is, or was, at a place."""
        history = (one.thing for one in self.known.catalog.history_at(place.id))
        numbers = {*self.known.things_at(place.id), *history}
        numbers |= {one.number for one in self.change.of(Thing) if place.id in one.locations}
        return [thing for number in sorted(numbers) if (thing := self.get(Thing, number))]

    def things_measured_with(self, sensor: Sensor) -> list[Thing]:
        streams = (self.get(Datastream, number) for number in self.known.measured_with(sensor.id))
        own = [self.get(Thing, sensor.thing)] if sensor.thing is not None else []
        return [*(self.thing_of(one) for one in streams if one), *(one for one in own if one)]

    def things_observing(self, feature: Feature) -> list[Thing]:
        catalog = self.known.catalog
        streams = {stream for stream, _ in catalog.sampled_of(feature.id)}
        placed = [self.get(Thing, number) for number in catalog.things_of_feature(feature.id)]
        sampled = [self.thing_of(stream) for one in streams if (stream := self.get(Datastream, one))]
        return [*(one for one in placed if one), *sampled]

    # ---- what inventory.toml owns -----------------------------------------------------------------------------------

    def place_by_file(self, thing: Thing) -> Location | None:
        """Where the inventory says that a thing is."""
        places = (self.get(Location, number) for number in thing.locations)
        return next((one for one in places if one and one.thing == thing.number), None)

    def check_may_move(self, thing: Thing) -> None:
        if self.place_by_file(thing):
            raise ConflictError(f"Locations: {FILE} says where Things({thing.number}) is; change it there")
