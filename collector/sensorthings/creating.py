"""What does a POST create? The entity, what is described inside it, and the links between them (18-088, 10.2)."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from collector.entities.change import Change
from collector.entities.placing import moved
from collector.entities.records import Datastream, Feature, HistoricalLocation, Location, Sensor, Thing, Told
from collector.messages.decode import is_id
from collector.observation import Kind, Series, kind_of
from collector.refusals import AskedWrongError, ConflictError
from collector.sensorthings.bodies import Body, Link, check_encoded
from collector.sensorthings.entering import enter
from collector.sensorthings.literals import read_instant
from collector.sensorthings.owned import free_of, free_of_datastream, names_of, take_unit
from collector.sensorthings.shapes import observation_type
from collector.sensorthings.work import Work
from collector.series.series_table import MOST

Given = Mapping[str, int | str]
"""Links that the path of the request has made: ``{"Thing": 1}``."""
Id = int | str

CENTER = "administration"  # of a thing that does not say whose it is
LONGEST_PERIOD = 10**12  # ms, as the contract has it


class Creating:
    """Puts into the change of one ``Work``. What was put of a body that is refused is never written."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def create(self, name: str, body: Body, given: Given) -> Id:
        """Return the id of the new entity; raise AskedWrongError, ConflictError, or as ``Asker.must``."""
        ways: dict[str, Callable[[Body, Given], Id]] = {
            "Things": self._thing,
            "Locations": self._location,
            "HistoricalLocations": self._historical_location,
            "Sensors": self._sensor,
            "ObservedProperties": self._observed_property,
            "Datastreams": self._datastream,
            "FeaturesOfInterest": self._feature,
            "Observations": self._observation,
        }
        return ways[name](body, given)

    # ---- things and places ------------------------------------------------------------------------------------------

    def _thing(self, body: Body, given: Given) -> int:
        work, told = self._work, body.properties.get("properties", {})
        center = told.get("center", CENTER)
        path = f"{body.path}properties"
        if not isinstance(center, str) or center not in work.centers:
            raise AskedWrongError(f"{path}.center: there is no such center")
        work.asker.must("administer", center)
        number = self._change.number(Thing)
        identifier = self._new_id(told.get("id", f"thing-{number}"), f"{path}.id")
        names = names_of(body.properties["name"], told.get("names"), f"{path}.names")
        own = {"id": identifier, "center": center, "names": names, "listed": True}
        free = free_of(told, own, path)
        thing = Thing(
            number, identifier, names, None, center, True, body.properties["description"], free, (), False
        )  # in the order of the record
        self._change.put(thing)
        places = self._places(body, given)
        if places:
            self._change.put(moved(self._change, work.known, thing, places, work.now))
        for key in ("HistoricalLocations", "Datastreams"):
            for inner in self._inner(body, key):
                self.create(key, inner, {"Thing": number})
        return number

    def _new_id(self, identifier: Any, path: str) -> str:
        if not isinstance(identifier, str) or not is_id(identifier) or identifier == "collector":
            raise AskedWrongError(f"{path}: expected 1 to 64 of a-z 0-9 -")
        if identifier.startswith("p-"):
            raise AskedWrongError(f"{path}: what begins with p- is a pseudonym")
        made = {one.id for one in self._change.of(Thing)}
        if identifier in made or self._work.known.thing(identifier):
            raise ConflictError(f"{path}: there is a thing {identifier} already")
        return identifier

    def _places(self, body: Body, given: Given) -> list[int]:
        """The places a body names or describes, with the one of the path; raise AskedWrongError."""
        work = self._work
        places = [self._work.linked(Location, given["Locations"], "Locations")] if "Locations" in given else []
        for one in body.links.get("Locations", ()):
            if isinstance(one, Link):
                places.append(work.linked(Location, one.id, one.path))
            else:
                places.append(self._new_location(one))
        encodings = [one.encoding_type for one in places]
        if len(set(encodings)) < len(encodings):
            raise AskedWrongError(f"{body.path}Locations: places of one thing have different encodingTypes")
        return [one.id for one in places]

    def _location(self, body: Body, given: Given) -> int:
        work = self._work
        links = [("Things", given["Things"])] if "Things" in given else []
        links += [(one.path, one.id) for one in body.links.get("Things", ()) if isinstance(one, Link)]
        inner = self._inner(body, "Things")
        if not links and not inner:
            work.must(())
        place = self._new_location(body)
        for path, number in links:
            thing = work.linked(Thing, number, path)
            work.must([thing])
            work.check_may_move(thing)
            self._change.put(moved(self._change, work.known, thing, [place.id], work.now))
        for one in inner:
            self._thing(one, {"Locations": place.id})
        return place.id

    def _new_location(self, body: Body) -> Location:
        told = body.properties
        check_encoded(body, "location", told["encodingType"], told["location"])
        self._none_of(body, "HistoricalLocations")
        number = self._change.number(Location)
        described = told["name"], told["description"], told["encodingType"], told["location"]
        return self._change.put(Location(number, *described, told.get("properties", {})))

    def _historical_location(self, body: Body, given: Given) -> int:
        """One that is later than all before is where the thing is now (18-088, 10.2)."""
        work = self._work
        thing = self._one(Thing, "Thing", body, given)
        work.must([thing])
        places = tuple(self._places(body, given))
        if not places:
            raise AskedWrongError(f"{body.path}Locations: expected at least one")
        time = int(read_instant(body.properties["time"]).ms)
        staged = (one.time for one in self._change.of(HistoricalLocation) if one.thing == thing.number)
        latest = max((*(one.time for one in work.known.catalog.history_of(thing.number)), *staged), default=-1)
        if time > work.now:
            raise AskedWrongError(f"{body.path}time: nobody knows where a thing will be")
        if time > latest and places != thing.locations:
            work.check_may_move(thing)
            self._change.put(moved(self._change, work.known, thing, places, time))
            made = [one for one in self._change.of(HistoricalLocation) if one.thing == thing.number]
            return made[-1].id
        number = self._change.number(HistoricalLocation)
        self._change.put(HistoricalLocation(number, thing.number, time, places))
        return number

    # ---- datastreams ------------------------------------------------------------------------------------------------

    def _datastream(self, body: Body, given: Given) -> int:
        work, told = self._work, body.properties
        thing = self._one(Thing, "Thing", body, given)
        work.must([thing])
        name = self._quantity(body, given)
        own, free = told.get("properties", {}), f"{body.path}properties"
        kind = self._kind(own.get("quantity", name), name, f"{free}.quantity")
        period = own.get("period", 0)
        if isinstance(period, bool) or not isinstance(period, int) or not 0 <= period <= LONGEST_PERIOD:
            raise AskedWrongError(f"{free}.period: expected whole milliseconds, at most {LONGEST_PERIOD}")
        series = Series(thing.id, own.get("quantity", name), period)
        self._check_new(series, body.path)
        if told["observationType"] != observation_type(kind):
            raise AskedWrongError(f"{body.path}observationType: {name} has {observation_type(kind)}")
        unit = take_unit(told["unitOfMeasurement"], kind, f"{body.path}unitOfMeasurement")
        ours = {"thing": thing.id, "quantity": series.quantity, "qualifiers": list(kind.qualifiers)}
        ours |= {"kind": kind.kind, "period": period}
        properties = free_of_datastream(own, ours, free)
        sensor = self._one(Sensor, "Sensor", body, given)
        described = told["name"], told["description"], sensor.id, unit, told.get("observedArea"), properties
        stream = self._change.put(Datastream(self._change.number(Datastream), series, Told(*described)))
        for inner in self._inner(body, "Observations"):
            self._observation(inner, {"Datastream": stream.id})
        return stream.id

    def _quantity(self, body: Body, given: Given) -> str:
        if "ObservedProperty" in given:
            return str(given["ObservedProperty"])
        (one,) = body.links["ObservedProperty"]
        if isinstance(one, Link):
            return self._known_quantity(one.id, one.path)
        return str(self._observed_property(one, {}))

    def _kind(self, quantity: Any, name: str, path: str) -> Kind:
        try:
            kind = kind_of(quantity) if isinstance(quantity, str) else None
        except ValueError:
            kind = None
        if kind is None or kind.name != name:
            raise AskedWrongError(f"{path}: expected {name}, or {name} with qualifiers, as in {name}.max")
        return kind

    def _check_new(self, series: Series, path: str) -> None:
        there = self._work.stream_of(series)
        if there is not None:
            words = f"{series.quantity} of this thing, period {series.period}"
            raise ConflictError(f"{path or 'Datastreams: '}{words}: there is Datastreams({there.id}) already")
        made = sum(one.series.thing == series.thing for one in self._change.of(Datastream))
        if len(self._work.known.datastreams_of(series.thing)) + made >= MOST:
            raise ConflictError(f"Datastreams: a thing has at most {MOST}")

    def _observed_property(self, body: Body, given: Given) -> str:
        """The contract's own: nothing is written."""
        del given
        if not self._work.asker.may_anywhere("administer"):
            self._work.must(())
        self._none_of(body, "Datastreams")
        return self._known_quantity(body.properties["name"], f"{body.path}name")

    def _known_quantity(self, name: Any, path: str) -> str:
        try:
            kind = kind_of(name) if isinstance(name, str) else None
        except ValueError:
            kind = None
        if kind is None or kind.name != name:
            raise AskedWrongError(
                f"{path}: {name!r:.80} is no quantity of the city; a new one needs a row in the contract"
            )
        return kind.name

    # ---- what measures and what is measured -------------------------------------------------------------------------

    def _sensor(self, body: Body, given: Given) -> int:
        del given
        links = [one for one in body.links.get("Datastreams", ()) if isinstance(one, Link)]
        streams = [self._work.linked(Datastream, one.id, one.path) for one in links]
        inner = self._inner(body, "Datastreams")
        if streams or not inner:
            self._work.must([self._work.thing_of(one) for one in streams])
        sensor = self._new_sensor(body)
        for stream in streams:
            self._change.put(replace(stream, told=replace(stream.told, sensor=sensor.id)))
        for one in inner:
            self._datastream(one, {"Sensor": sensor.id})
        return sensor.id

    def _new_sensor(self, body: Body) -> Sensor:
        told = body.properties
        described = told["name"], told["description"], told["encodingType"], told["metadata"]
        return self._change.put(Sensor(self._change.number(Sensor), *described, told.get("properties", {})))

    def _feature(self, body: Body, given: Given) -> int:
        del given
        self._work.must(())
        self._none_of(body, "Observations")
        return self._new_feature(body).id

    def _new_feature(self, body: Body) -> Feature:
        told = body.properties
        check_encoded(body, "feature", told["encodingType"], told["feature"])
        described = told["name"], told["description"], told["encodingType"], told["feature"]
        return self._change.put(Feature(self._change.number(Feature), *described, told.get("properties", {})))

    def _observation(self, body: Body, given: Given) -> str:
        work = self._work
        stream = self._one(Datastream, "Datastream", body, given)
        thing = work.thing_of(stream)
        work.must([thing], "operate")
        feature = None
        if "FeatureOfInterest" in body.links or "FeatureOfInterest" in given:
            feature = self._one(Feature, "FeatureOfInterest", body, given, thing)
        return enter(work, stream, thing, body, feature)

    # ---- links ------------------------------------------------------------------------------------------------------

    @property
    def _change(self) -> Change:
        return self._work.change

    def _one(self, kind: Any, key: str, body: Body, given: Given, thing: Thing | None = None) -> Any:
        """What a link that leads to one names, or what is described in its place."""
        if key in given:
            return self._work.linked(kind, given[key], key)
        (one,) = body.links[key]
        if isinstance(one, Link):
            return self._work.linked(kind, one.id, one.path)
        if kind is Sensor:
            self._none_of(one, "Datastreams")
            return self._new_sensor(one)
        if kind is Feature and thing is not None:
            self._work.must([thing])
            return self._new_feature(one)
        made = self._thing(one, {}) if kind is Thing else self._datastream(one, {})
        return self._work.linked(kind, made, key)

    def _inner(self, body: Body, key: str) -> list[Body]:
        """What is described inside; a link there would take it away from another."""
        several = body.links.get(key, [])
        links = [one for one in several if isinstance(one, Link)]
        if links and key in ("Datastreams", "Observations", "HistoricalLocations") and not self._may_link(body, key):
            raise AskedWrongError(
                f"{links[0].path}: belongs to another already; only what is new can be described here"
            )
        return cast("list[Body]", [one for one in several if isinstance(one, Body)])

    def _may_link(self, body: Body, key: str) -> bool:
        return key == "Datastreams" and "metadata" in body.properties  # a sensor may take over datastreams

    def _none_of(self, body: Body, key: str) -> None:
        if body.links.get(key):
            raise AskedWrongError(f"{body.path}{key}: describe these by themselves, with a link to this one")
