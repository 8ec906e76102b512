"""What does the city look like in SensorThings? Its registry as entities and the ways between them (18-088, 8.2).

Observations are not here: they stay in the store, see ``observations``. Ids are stable: the registry's numbers for
things, places, sensors and features, the datastream's own, and the quantity's name for an observed property.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from collector.observation import Kind, Series, kind_of
from collector.registry import Datastream, Thing
from collector.view import View

Id = int | str


class Entity(NamedTuple):
    """One entity without its links: ``properties`` in the order of the standard."""

    set: str
    id: Id
    properties: dict[str, Any]


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

_OM = "http://www.opengis.net/def/observationType/OGC-OM/2.0/"
_OBSERVATION_TYPES = {"code": "OM_CategoryObservation", "text": "OM_Observation", "flags": "OM_CountObservation"}


def leads_to_one(navigation: str) -> bool:
    return navigation in _ONE


class Entities:
    """Reads the view anew at each request: it is all in memory."""

    def __init__(self, view: View) -> None:
        self._view = view

    def all(self, name: str) -> list[Entity]:
        """Every entity of a set, in order of id; Observations are not asked here."""
        return self._listing[name]()

    def find(self, name: str, identifier: Id) -> Entity | None:
        if name == "Datastreams" and isinstance(identifier, int):
            found = self._view.datastream(identifier)
            return _datastream(found) if found else None
        return next((one for one in self.all(name) if one.id == identifier), None)

    def related(self, entity: Entity, navigation: str) -> list[Entity]:
        """The entities a navigation property leads to; one or none where ``leads_to_one``."""
        target = NAVIGATION[entity.set][navigation]
        if target == "HistoricalLocations":
            return []
        if entity.set == "Datastreams":
            return self._of_datastream(entity, navigation)
        if entity.set == "ObservedProperties":
            return self._datastreams(lambda one: kind_of(one.series.quantity).name == entity.id)
        if target == "Datastreams":
            return self._datastreams(lambda one: self._number(one) == entity.id)
        found = self.find(target, entity.id)  # a thing, its place, its sensor and its feature share their number
        return [found] if found else []

    def datastreams_of(self, entity: Entity) -> list[Datastream]:
        """The datastreams whose observations ``entity/Observations`` holds."""
        if entity.set == "Datastreams":
            found = self._view.datastream(int(entity.id))
            return [found] if found else []
        return [one for one in self._view.datastreams if self._number(one) == entity.id]

    def feature_of(self, stream: Datastream) -> Entity | None:
        return self.find("FeaturesOfInterest", self._number(stream))

    @property
    def _listing(self) -> dict[str, Callable[[], list[Entity]]]:
        things = self._view.things
        placed = [one for one in things if one.location]
        return {
            "Things": lambda: [_thing(one) for one in things],
            "Locations": lambda: [_location(one) for one in placed],
            "HistoricalLocations": list,  # a change of place is not recorded yet
            "Datastreams": lambda: self._datastreams(lambda _: True),
            "Sensors": lambda: [_sensor(one, self._publishers_of(one)) for one in things],
            "ObservedProperties": self._observed,
            "FeaturesOfInterest": lambda: [_feature(one) for one in placed],
        }

    def _observed(self) -> list[Entity]:
        kinds = {kind.name: kind for kind in (kind_of(one.series.quantity) for one in self._view.datastreams)}
        return [_observed_property(kinds[name]) for name in sorted(kinds)]

    def _of_datastream(self, entity: Entity, navigation: str) -> list[Entity]:
        stream = self._view.datastream(int(entity.id))
        if stream is None:
            return []
        if navigation == "ObservedProperty":
            return [_observed_property(kind_of(stream.series.quantity))]
        found = self.find(NAVIGATION["Datastreams"][navigation], self._number(stream))
        return [found] if found else []

    def _datastreams(self, belongs: Callable[[Datastream], bool]) -> list[Entity]:
        return [_datastream(one) for one in self._view.datastreams if belongs(one)]

    def _number(self, stream: Datastream) -> int:
        thing = self._view.thing(stream.series.thing)
        return thing.number if thing else 0

    def _publishers_of(self, thing: Thing) -> list[str]:
        return self._view.publishers_of(thing.id)


def iso(ms: int) -> str:
    """Milliseconds UTC as the standard writes a time: ``2026-11-23T00:00:00.000Z``."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


def _thing(thing: Thing) -> Entity:
    properties = {"id": thing.id, "center": thing.center, "names": thing.name, "listed": thing.listed}
    return Entity("Things", thing.number, {"name": thing.name["en"], "description": thing.id, "properties": properties})


def _location(thing: Thing) -> Entity:
    return Entity(
        "Locations",
        thing.number,
        {
            "name": thing.name["en"],
            "description": f"Where {thing.id} is",
            "encodingType": "application/geo+json",
            "location": _point(thing),
        },
    )


def _feature(thing: Thing) -> Entity:
    return Entity(
        "FeaturesOfInterest",
        thing.number,
        {
            "name": thing.name["en"],
            "description": f"What {thing.id} observes, at its place",
            "encodingType": "application/geo+json",
            "feature": _point(thing),
        },
    )


def _point(thing: Thing) -> dict[str, Any]:
    return {"type": "Point", "coordinates": list(thing.location or ())}


def _sensor(thing: Thing, publishers: Iterable[str]) -> Entity:
    return Entity(
        "Sensors",
        thing.number,
        {
            "name": f"Sensor of {thing.id}",
            "description": f"What measures {thing.id}; its readings come from the publishers named in the metadata",
            "encodingType": "text/plain",
            "metadata": " ".join(publishers),
        },
    )


def _datastream(stream: Datastream) -> Entity:
    series, kind = stream.series, kind_of(stream.series.quantity)
    measured = kind.is_number
    return Entity(
        "Datastreams",
        stream.id,
        {
            "name": _stream_name(series),
            "description": f"{series.quantity} of {series.thing}" + (" over an interval" if series.period else ""),
            "observationType": _OM
            + ("OM_Measurement" if measured else _OBSERVATION_TYPES.get(kind.kind, "OM_Observation")),
            "unitOfMeasurement": {
                "name": kind.unit if measured else None,
                "symbol": kind.unit if measured else None,
                "definition": "https://ucum.org/ucum" if measured else None,
            },
            "properties": {
                "thing": series.thing,
                "quantity": series.quantity,
                "qualifiers": list(kind.qualifiers),
                "kind": kind.kind,
                "period": series.period,
            },
        },
    )


def _stream_name(series: Series) -> str:
    return f"{series.thing} {series.quantity}" + (f" {series.period} ms" if series.period else "")


def _observed_property(kind: Kind) -> Entity:
    values = f", one of {' '.join(kind.codes)}" if kind.codes else f", in {kind.unit}" if kind.is_number else ""
    return Entity(
        "ObservedProperties",
        kind.name,
        {
            "name": kind.name,
            "definition": f"urn:senzorika:quantity:{kind.name}",
            "description": f"{kind.name.replace('_', ' ')} ({kind.kind}{values})",
        },
    )
