"""What does a PATCH or a PUT change? What was said of an entity, and never what inventory.toml or the contract says.

Both arrive as the whole entity, as it will be: PATCH merged with what is there, PUT with what may be absent left out.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from collector.entities.change import Change
from collector.entities.placing import moved, observed
from collector.entities.records import Datastream, Feature, HistoricalLocation, Location, Sensor, Thing, Told
from collector.observation import kind_of
from collector.refusals import AskedWrongError, ConflictError
from collector.sensorthings.bodies import Body, Link, check_encoded
from collector.sensorthings.literals import read_instant
from collector.sensorthings.owned import free_of, free_of_datastream, names_of, take_unit
from collector.sensorthings.shapes import (
    Entity,
    datastream_entity,
    feature_entity,
    historical_location_entity,
    location_entity,
    observation_type,
    sensor_entity,
    thing_entity,
)
from collector.sensorthings.work import FILE, Work

KIND_OF: dict[str, Any] = {
    "Things": Thing,
    "Locations": Location,
    "HistoricalLocations": HistoricalLocation,
    "Datastreams": Datastream,
    "Sensors": Sensor,
    "FeaturesOfInterest": Feature,
}


class Updating:
    """Puts into the change of one ``Work``."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._ways: dict[str, tuple[Callable[[Any], Entity], Callable[[Any, Body], None]]] = {
            "Things": (thing_entity, self._thing),
            "Locations": (self._shown_location, self._location),
            "HistoricalLocations": (historical_location_entity, self._historical_location),
            "Datastreams": (datastream_entity, self._datastream),
            "Sensors": (self._shown_sensor, self._sensor),
            "FeaturesOfInterest": (self._shown_feature, self._feature),
        }

    def shown(self, name: str, record: Any) -> dict[str, Any]:
        """The properties of an entity as a client has read them."""
        return self._ways[name][0](record).properties

    def update(self, name: str, record: Any, body: Body) -> None:
        """``body``: all its properties, and the links that were said anew. Raise AskedWrongError or ConflictError."""
        self._ways[name][1](record, body)

    # ---- things and places ------------------------------------------------------------------------------------------

    def _thing(self, thing: Thing, body: Body) -> None:
        work, told = self._work, body.properties
        work.must([thing])
        properties = told.get("properties", {})
        center = properties.get("center", thing.center)
        names = properties.get("names", thing.name)
        name = told["name"]
        if names == thing.name:  # a new name is new in each language that had the old one
            names = {key: name if one == thing.name["en"] else one for key, one in names.items()} | {"en": name}
        own: dict[str, Any] = {"id": thing.id, "center": center, "names": names, "listed": thing.listed}
        free = free_of(properties, {key: own[key] for key in ("id", "listed")}, "properties")
        free = {key: value for key, value in free.items() if key not in own}
        if thing.inventory and (center != thing.center or names_of(name, names, "properties.names") != thing.name):
            raise ConflictError(f"Things({thing.number}): name and center stand in {FILE}; change them there")
        if not isinstance(center, str) or center not in work.centers:
            raise AskedWrongError("properties.center: there is no such center")
        work.asker.must("administer", center)
        names = names_of(name, names, "properties.names")
        description = "" if thing.inventory and told["description"] == thing.id else told["description"]
        thing = replace(thing, name=names, center=center, description=description, properties=free)
        if "Locations" in body.links:
            places = self._links(Location, body, "Locations")
            if tuple(one.id for one in places) != thing.locations:
                work.check_may_move(thing)
            self._check_encodings(places)
            thing = moved(self._change, work.known, thing, [one.id for one in places], work.now)
        self._no_links(body, "Datastreams", "HistoricalLocations")
        self._change.put(thing)

    def _location(self, place: Location, body: Body) -> None:
        work, told = self._work, body.properties
        things = work.things_with(place)
        work.must(things)
        check_encoded(body, "location", told["encodingType"], told["location"])
        form = {"encodingType": told["encodingType"], "location": told["location"]}
        new = self._described(place, body, form, by_file=place.thing is not None)
        new = replace(new, encoding_type=told["encodingType"], location=told["location"])
        self._change.put(new)
        if new.location != place.location:
            for thing in (one for one in things if place.id in one.locations):
                self._change.put(observed(self._change, work.known, thing, work.now))
        for thing in self._links(Thing, body, "Things"):
            if place.id not in thing.locations:
                work.must([thing])
                work.check_may_move(thing)
                self._change.put(moved(self._change, work.known, thing, [place.id], work.now))
        self._no_links(body, "HistoricalLocations")

    def _historical_location(self, one: HistoricalLocation, body: Body) -> None:
        work = self._work
        work.must([work.linked(Thing, one.thing, "Thing")])
        if any(thing.number != one.thing for thing in self._links(Thing, body, "Thing")):
            raise ConflictError("Thing: where one was is not where another was")
        time = int(read_instant(body.properties["time"]).ms)
        if time > work.now:
            raise AskedWrongError("time: nobody knows where a thing will be")
        places = one.locations
        if "Locations" in body.links:
            places = tuple(each.id for each in self._links(Location, body, "Locations"))
            if not places:
                raise AskedWrongError("Locations: expected at least one")
        self._change.put(replace(one, time=time, locations=places))

    # ---- datastreams and sensors ------------------------------------------------------------------------------------

    def _datastream(self, stream: Datastream, body: Body) -> None:
        work, told, kind = self._work, body.properties, kind_of(stream.series.quantity)
        thing = work.thing_of(stream)
        work.must([thing])
        if told["observationType"] != observation_type(kind):
            raise ConflictError(f"observationType: {kind.name} has {observation_type(kind)}")
        untold = datastream_entity(Datastream(stream.id, stream.series)).properties
        free = free_of_datastream(told.get("properties", {}), untold["properties"], "properties")
        unit = take_unit(told["unitOfMeasurement"], kind, "unitOfMeasurement")
        if any(one.number != thing.number for one in self._links(Thing, body, "Thing")):
            raise ConflictError("Thing: a datastream stays with its thing; its observations are of it")
        for one in body.links.get("ObservedProperty", ()):
            if not isinstance(one, Link) or one.id != kind.name:
                raise ConflictError(f"ObservedProperty: this datastream is of {kind.name}")
        name = "" if told["name"] == untold["name"] else told["name"]
        description = "" if not name and told["description"] == untold["description"] else told["description"]
        area = told.get("observedArea")
        new = Told(name, description, stream.told.sensor, unit, area, free)
        for sensor in self._links(Sensor, body, "Sensor"):
            new = replace(new, sensor=None if sensor.thing == thing.number else sensor.id)
            if sensor.thing not in (None, thing.number):
                raise ConflictError(f"Sensor: Sensors({sensor.id}) is what another thing is measured with")
        self._no_links(body, "Observations")
        self._change.put(replace(stream, told=new))

    def _sensor(self, sensor: Sensor, body: Body) -> None:
        work, told = self._work, body.properties
        work.must(work.things_measured_with(sensor))
        form = {"encodingType": told["encodingType"], "metadata": told["metadata"]}
        new = self._described(sensor, body, form, by_file=sensor.thing is not None)
        if sensor.thing is None:
            new = replace(new, encoding_type=told["encodingType"], metadata=told["metadata"])
        self._no_links(body, "Datastreams")
        self._change.put(new)

    def _feature(self, feature: Feature, body: Body) -> None:
        work, told = self._work, body.properties
        work.must(work.things_observing(feature))
        check_encoded(body, "feature", told["encodingType"], told["feature"])
        form = {"encodingType": told["encodingType"], "feature": told["feature"]}
        place = None if feature.location is None else work.get(Location, feature.location)
        new = self._described(feature, body, form, by_file=bool(place and place.thing is not None))
        self._no_links(body, "Observations")
        self._change.put(replace(new, encoding_type=told["encodingType"], feature=told["feature"]))

    # ---- what they share --------------------------------------------------------------------------------------------

    def _described(self, record: Any, body: Body, form: dict[str, Any], *, by_file: bool) -> Any:
        """With other words; of what follows from the inventory all but description and properties must stay."""
        told = body.properties
        shown = self.shown(self._name_of(record), record)
        if by_file:
            for key, value in {"name": told["name"], **form}.items():
                if shown[key] != value:
                    raise ConflictError(f"{key}: follows from {FILE}; change it there")
        description = told["description"]
        if by_file and not record.description and description == shown["description"]:
            description = ""
        name = record.name if by_file else told["name"]
        return replace(record, name=name, description=description, properties=told.get("properties", {}))

    def _name_of(self, record: Any) -> str:
        return next(name for name, kind in KIND_OF.items() if isinstance(record, kind))

    def _shown_location(self, place: Location) -> Entity:
        return location_entity(place, self._thing_by_file(place.thing))

    def _shown_sensor(self, sensor: Sensor) -> Entity:
        return sensor_entity(sensor, self._thing_by_file(sensor.thing), self._work.publishers_of(sensor.thing))

    def _shown_feature(self, feature: Feature) -> Entity:
        place = None if feature.location is None else self._work.get(Location, feature.location)
        return feature_entity(feature, self._thing_by_file(place.thing if place else None))

    def _thing_by_file(self, number: int | None) -> Thing | None:
        return None if number is None else self._work.get(Thing, number)

    def _links(self, kind: Any, body: Body, key: str) -> list[Any]:
        """What the links name; nothing new is described in a change (18-088, 10.3)."""
        found = []
        for one in body.links.get(key, ()):
            if not isinstance(one, Link):
                raise AskedWrongError(f"{one.path}@iot.id: missing; a change links to what is there")
            found.append(self._work.linked(kind, one.id, one.path))
        return found

    def _no_links(self, body: Body, *keys: str) -> None:
        for key in keys:
            if key in body.links:
                raise AskedWrongError(f"{key}: change these by themselves")

    def _check_encodings(self, places: Sequence[Location]) -> None:
        if len({one.encoding_type for one in places}) < len(places):
            raise AskedWrongError("Locations: places of one thing have different encodingTypes")

    @property
    def _change(self) -> Change:
        return self._work.change
