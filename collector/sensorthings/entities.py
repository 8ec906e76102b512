"""What does the city look like in SensorThings? Its registry as entities and the ways between them (18-088, 8.2).

Observations are not here: they stay in the store, see ``observations``. Ids are stable: the registry's numbers, and
the quantity's name for an observed property. Of a thing that is seen under a pseudonym neither places nor history are
shown; what belongs to nothing is shown to whoever has a role.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from collector.entities.records import Datastream, Feature, HistoricalLocation, Location, Sensor, Thing
from collector.observation import kind_of
from collector.sensorthings.shapes import (
    JUDGED,
    Entity,
    Id,
    datastream_entity,
    feature_entity,
    historical_location_entity,
    iso,
    location_entity,
    observed_property_entity,
    sensor_entity,
    thing_entity,
)
from collector.view import View

__all__ = ("NAVIGATION", "SETS", "Entities", "Entity", "Id", "iso", "leads_to_one")

# set: {navigation property: the set it leads to}. A property that stands in _ONE leads to one entity, not to a set.
NAVIGATION: dict[str, dict[str, str]] = {
    "Things": {"Datastreams": "Datastreams", "Locations": "Locations", "HistoricalLocations": "HistoricalLocations"},
    "Locations": {"Things": "Things", "HistoricalLocations": "HistoricalLocations"},
    "HistoricalLocations": {"Thing": "Things", "Locations": "Locations"},
    "Datastreams": {
        "Thing": "Things",
        "Sensor": "Sensors",
        "ObservedProperty": "ObservedProperties",
        "Observations": "Observations",
    },
    "Sensors": {"Datastreams": "Datastreams"},
    "ObservedProperties": {"Datastreams": "Datastreams"},
    "Observations": {"Datastream": "Datastreams", "FeatureOfInterest": "FeaturesOfInterest"},
    "FeaturesOfInterest": {"Observations": "Observations"},
}
SETS = tuple(NAVIGATION)
_ONE = {"Thing", "Sensor", "ObservedProperty", "Datastream", "FeatureOfInterest"}

FOR_EVER = 2**53  # ms


def leads_to_one(navigation: str) -> bool:
    return navigation in _ONE


class Entities:
    """Reads the view anew at each request: it is all in memory."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._catalog = view.catalog

    def all(self, name: str) -> list[Entity]:
        """Every entity of a set, in order of id; Observations are not asked here."""
        catalog, view = self._catalog, self._view
        listing: dict[str, Callable[[], Iterable[Entity | None]]] = {
            "Things": lambda: map(thing_entity, view.things),
            "Locations": lambda: map(self._location, catalog.locations),
            "HistoricalLocations": lambda: map(self._historical_location, catalog.historical_locations),
            "Datastreams": lambda: map(self._datastream, view.datastreams),
            "Sensors": lambda: map(self._sensor, catalog.sensors),
            "ObservedProperties": self._observed,
            "FeaturesOfInterest": lambda: map(self._feature, catalog.features),
        }
        return [one for one in listing[name]() if one is not None]

    def find(self, name: str, identifier: Id) -> Entity | None:
        """One entity, in one step; every quantity of the contract is found, also while nothing observes it."""
        if name == "ObservedProperties":
            return self._observed_property(identifier)
        if not isinstance(identifier, int):
            return None
        catalog, view = self._catalog, self._view
        ways: dict[str, tuple[Callable[[int], Any], Callable[[Any], Entity | None]]] = {
            "Things": (view.thing_numbered, thing_entity),
            "Locations": (catalog.location, self._location),
            "HistoricalLocations": (catalog.historical_location, self._historical_location),
            "Datastreams": (view.datastream, self._datastream),
            "Sensors": (catalog.sensor, self._sensor),
            "FeaturesOfInterest": (catalog.feature, self._feature),
        }
        look, show = ways[name]
        found = look(identifier)
        return None if found is None else show(found)

    def related(self, entity: Entity, navigation: str) -> list[Entity]:
        """The entities a navigation property leads to; one or none where ``leads_to_one``."""
        if entity.set in ("Sensors", "ObservedProperties") or not isinstance(entity.id, int):
            return [self._datastream(one) for one in self.datastreams_of(entity)]
        ways: dict[str, Callable[[int, str], list[Entity]]] = {
            "Things": self._of_thing_numbered,
            "Locations": self._of_location,
            "HistoricalLocations": self._of_historical_location,
            "Datastreams": self._of_datastream,
        }
        return ways[entity.set](entity.id, navigation)

    def datastreams_of(self, entity: Entity) -> list[Datastream]:
        """The datastreams that an entity leads to; of a feature those in which it may be observed."""
        view, number = self._view, entity.id
        if entity.set == "ObservedProperties":
            return [one for one in view.datastreams if kind_of(one.series.quantity).name == number]
        if not isinstance(number, int):
            return []
        if entity.set == "Datastreams":
            found = view.datastream(number)
            return [found] if found else []
        if entity.set == "Things":
            return self._of_thing(view.thing_numbered(number))
        if entity.set == "FeaturesOfInterest":
            return self._streams_of_feature(number)
        sensor = self._catalog.sensor(number)
        own = self._of_thing(view.thing_numbered(sensor.thing)) if sensor and sensor.thing is not None else []
        told = [one for of in view.measured_with(number) if (one := self._in_full(of))]
        return sorted([*(one for one in own if one.told.sensor is None), *told], key=lambda one: one.id)

    def feature_of(self, stream: Datastream, at: int = FOR_EVER) -> Entity | None:
        """What an observation of a datastream at an instant is of; none where its thing has no place to be shown."""
        thing = self._view.thing(stream.series.thing)
        if thing is None or self._view.in_full(thing.number) is None:
            return None
        feature = self._catalog.sampled(stream.id, at) or self._catalog.feature_at(thing.number, at)
        return self._feature(feature) if feature else None

    def has_one_feature(self, stream: Datastream) -> bool:
        """Whether all observations of a datastream are of one feature, or of none: its thing has never moved."""
        thing = self._view.thing(stream.series.thing)
        return not self._catalog.sampled_count and (thing is None or len(self._catalog.placed(thing.number)) < 2)

    # ---- ways -------------------------------------------------------------------------------------------------------

    def _several(self, name: str, numbers: Iterable[int]) -> list[Entity]:
        return [found for number in sorted(numbers) if (found := self.find(name, number))]

    def _histories(self, several: Iterable[HistoricalLocation]) -> list[Entity]:
        shown = (self._historical_location(one) for one in sorted(several, key=lambda one: one.id))
        return [one for one in shown if one]

    def _of_thing_numbered(self, number: int, navigation: str) -> list[Entity]:
        if navigation == "HistoricalLocations":
            return self._histories(self._catalog.history_of(number))
        thing = self._view.thing_numbered(number)
        if navigation == "Locations":
            return self._several(navigation, thing.locations if thing else ())
        return [self._datastream(one) for one in self._of_thing(thing)]

    def _of_location(self, number: int, navigation: str) -> list[Entity]:
        if navigation == "HistoricalLocations":
            return self._histories(self._catalog.history_at(number))
        there = map(self._view.in_full, self._view.numbers_at(number))
        return [thing_entity(one) for one in there if one]

    def _of_historical_location(self, number: int, navigation: str) -> list[Entity]:
        one = self._catalog.historical_location(number)
        if one is None:
            return []
        return self._several(*(("Things", [one.thing]) if navigation == "Thing" else (navigation, one.locations)))

    def _of_datastream(self, number: int, navigation: str) -> list[Entity]:
        stream = self._view.datastream(number)
        thing = self._view.thing(stream.series.thing) if stream else None
        if stream is None or thing is None:
            return []
        if navigation == "ObservedProperty":
            return [observed_property_entity(kind_of(kind_of(stream.series.quantity).name))]
        if navigation == "Thing":
            return [thing_entity(thing)]
        told = stream.told.sensor
        sensor = self._catalog.own_sensor(thing.number) if told is None else self._catalog.sensor(told)
        found = self._sensor(sensor) if sensor else None
        return [found] if found else []

    def _of_thing(self, thing: Thing | None) -> list[Datastream]:
        return list(self._view.datastreams_of(thing.id)) if thing else []

    def _in_full(self, number: int) -> Datastream | None:
        """A datastream that is seen under the name of its thing."""
        stream = self._view.datastream(number)
        thing = self._view.thing(stream.series.thing) if stream else None
        return stream if thing and self._view.in_full(thing.number) else None

    def _streams_of_feature(self, number: int) -> list[Datastream]:
        things = (self._view.in_full(one) for one in self._catalog.things_of_feature(number))
        placed = [stream for thing in things for stream in self._of_thing(thing)]
        sampled = [self._in_full(one) for one in {stream for stream, _ in self._catalog.sampled_of(number)}]
        both = {one.id: one for one in (*placed, *sampled) if one}
        return [both[one] for one in sorted(both)]

    # ---- what is shown ----------------------------------------------------------------------------------------------

    def _location(self, place: Location) -> Entity | None:
        things = [*self._view.numbers_at(place.id), *(one.thing for one in self._catalog.history_at(place.id))]
        if not self._is_shown(map(self._view.in_full, things), belongs=bool(things)):
            return None
        return location_entity(place, self._inventorys(place.thing))

    def _historical_location(self, one: HistoricalLocation) -> Entity | None:
        return historical_location_entity(one) if self._view.in_full(one.thing) else None

    def _sensor(self, sensor: Sensor) -> Entity | None:
        if sensor.thing is not None:
            thing = self._view.thing_numbered(sensor.thing)
            if thing is None:
                return None
            if self._view.in_full(sensor.thing) is None:  # what was told of it could name the thing
                sensor = replace(sensor, description="", properties={})
            return sensor_entity(sensor, thing, self._view.publishers_of(thing.id))
        streams = self._view.measured_with(sensor.id)
        is_shown = self._is_shown(map(self._in_full, streams), belongs=bool(streams))
        return sensor_entity(sensor, None, ()) if is_shown else None

    def _feature(self, feature: Feature) -> Entity | None:
        things = self._catalog.things_of_feature(feature.id)
        streams = {stream for stream, _ in self._catalog.sampled_of(feature.id)}
        observed = (*map(self._view.in_full, things), *map(self._in_full, streams))
        if not self._is_shown(observed, belongs=bool(things or streams)):
            return None
        place = None if feature.location is None else self._catalog.location(feature.location)
        return feature_entity(feature, self._inventorys(place.thing if place else None))

    def _is_shown(self, owners: Iterable[Thing | Datastream | None], *, belongs: bool) -> bool:
        return any(owners) if belongs else self._view.asker.may_anywhere("read")

    def _inventorys(self, number: int | None) -> Thing | None:
        return None if number is None else self._view.in_full(number)

    def _datastream(self, stream: Datastream) -> Entity:
        judgement = self._view.judgement(stream.series)
        if judgement is None:
            return datastream_entity(stream)
        judged = (self._view.owner(stream.series), judgement.openness, judgement.purpose)
        return datastream_entity(stream, dict(zip(JUDGED, judged, strict=True)))

    def _observed(self) -> list[Entity]:
        names = {kind_of(one.series.quantity).name for one in self._view.datastreams}
        return [observed_property_entity(kind_of(name)) for name in sorted(names)]

    def _observed_property(self, identifier: Id) -> Entity | None:
        try:
            kind = kind_of(str(identifier))
        except ValueError:
            return None
        return observed_property_entity(kind) if kind.name == identifier else None
