"""What goes with an entity that is deleted, and what may not go? (18-088, 10.4)

Observations stay, whatever happens: an entity without which they would say nothing any more is refused.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from collector.entities.change import Change
from collector.entities.placing import observed
from collector.entities.records import Datastream, Feature, HistoricalLocation, Location, Sampled, Sensor, Thing
from collector.refusals import ConflictError
from collector.sensorthings.work import FILE, Work


class Deleting:
    """Puts into the change of one ``Work``."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def delete(self, name: str, record: Any) -> None:
        """Raise ConflictError, or as ``Asker.must``."""
        ways: dict[str, Callable[[Any], None]] = {
            "Things": self._thing,
            "Locations": self._location,
            "HistoricalLocations": self._historical_location,
            "Datastreams": self._datastream,
            "Sensors": self._sensor,
            "FeaturesOfInterest": self._feature,
        }
        ways[name](record)

    def _thing(self, thing: Thing) -> None:
        """With its datastreams and its history."""
        work, catalog = self._work, self._work.known.catalog
        work.must([thing])
        if thing.inventory and thing.listed:
            raise ConflictError(f"Things({thing.number}): {FILE} lists it; take it out there")
        self._drop_streams(work.known.datastreams_of(thing.id), f"Things({thing.number})")
        for been in catalog.history_of(thing.number):
            self._change.drop(been)
        for placed in catalog.placed(thing.number):
            self._change.drop(placed)
        own = catalog.own_sensor(thing.number)
        if own:
            self._change.drop(own)
        self._change.drop(thing)

    def _location(self, place: Location) -> None:
        """With the history that leads to it; what was observed there stays of the feature that was made of it."""
        work, catalog = self._work, self._work.known.catalog
        things = work.things_with(place)
        work.must(things)
        if place.thing is not None and any(place.id in one.locations for one in things if one.number == place.thing):
            raise ConflictError(f"Locations({place.id}): {FILE} says that Things({place.thing}) is there")
        for one in catalog.history_at(place.id):
            self._change.drop(one)
        feature = catalog.generated(place.id)
        self._change.drop(place)
        for thing in things:
            if place.id in thing.locations:
                rest = tuple(number for number in thing.locations if number != place.id)
                self._change.put(observed(self._change, work.known, replace(thing, locations=rest), work.now))
        if feature:
            self._change.put(replace(feature, location=None, name=feature.name or place.name or "Place"))

    def _historical_location(self, one: HistoricalLocation) -> None:
        self._work.must([self._work.linked(Thing, one.thing, "Thing")])
        self._change.drop(one)

    def _datastream(self, stream: Datastream) -> None:
        self._work.must([self._work.thing_of(stream)])
        self._drop_streams([stream], f"Datastreams({stream.id})")

    def _sensor(self, sensor: Sensor) -> None:
        """With its datastreams."""
        work = self._work
        work.must(work.things_measured_with(sensor))
        if sensor.thing is not None:
            raise ConflictError(f"Sensors({sensor.id}): follows from {FILE}, as its thing does")
        streams = [stream for one in work.known.measured_with(sensor.id) if (stream := work.get(Datastream, one))]
        self._drop_streams(streams, f"Sensors({sensor.id})")
        self._change.drop(sensor)

    def _feature(self, feature: Feature) -> None:
        work, catalog = self._work, self._work.known.catalog
        work.must(work.things_observing(feature))
        if feature.location is not None:
            words = f"was made of Locations({feature.location}), and stays while that does"
            raise ConflictError(f"FeaturesOfInterest({feature.id}): {words}")
        if catalog.sampled_of(feature.id) or catalog.things_of_feature(feature.id):
            raise ConflictError(f"FeaturesOfInterest({feature.id}): there are observations of it, and these stay")
        self._change.drop(feature)

    def _drop_streams(self, streams: Iterable[Datastream], what: str) -> None:
        catalog = self._work.known.catalog
        for stream in streams:
            if self._work.is_observed(stream.series):
                words = f"Datastreams({stream.id}) has observations; what was stored stays stored"
                raise ConflictError(words if what == f"Datastreams({stream.id})" else f"{what}: {words}")
            for number, at in catalog.samples_in(stream.id):
                feature = catalog.sampled(number, at)
                if feature:
                    self._change.drop(Sampled(number, at, feature.id))
            self._change.drop(stream)

    @property
    def _change(self) -> Change:
        return self._work.change
