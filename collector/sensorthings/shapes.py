"""How does each record look as an entity of SensorThings? Properties in the order of the standard (18-088, 8.2)."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from collector.entities.records import Datastream, Feature, HistoricalLocation, Location, Sensor, Thing
from collector.observation import Kind, Series, kind_of

Id = int | str

_OM = "http://www.opengis.net/def/observationType/OGC-OM/2.0/"
_OBSERVATION_TYPES = {"code": "OM_CategoryObservation", "flags": "OM_CountObservation"}
JUDGED = ("owner", "openness", "purpose")
"""Among the properties of a datastream: the center that owns it, who may see it, and why it is measured."""
UCUM = "https://ucum.org/ucum"


class Entity(NamedTuple):
    """One entity without its links."""

    set: str
    id: Id
    properties: dict[str, Any]


def iso(ms: int) -> str:
    """Milliseconds UTC as the standard writes a time: ``2026-11-23T00:00:00.000Z``."""
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


def thing_entity(thing: Thing) -> Entity:
    own = {"id": thing.id, "center": thing.center, "names": thing.name, "listed": thing.listed}
    properties = {**own, **thing.properties}
    return Entity(
        "Things",
        thing.number,
        {
            "name": thing.name["en"],
            "description": thing.description or (thing.id if thing.inventory else ""),
            "properties": properties,
        },
    )


def location_entity(place: Location, thing: Thing | None) -> Entity:
    """``thing``: the one of the inventory whose place it is, as it may be named."""
    name = place.name or (thing.name["en"] if thing else "Place")
    description = place.description or (f"Where {thing.id} is" if thing else "")
    return _encoded("Locations", place, (name, description), {"location": place.location})


def feature_entity(feature: Feature, thing: Thing | None) -> Entity:
    """``thing``: the one of the inventory whose place it was made of, as it may be named."""
    name = feature.name or (thing.name["en"] if thing else "Place")
    description = feature.description or (f"What {thing.id} observes, at its place" if thing else "")
    return _encoded("FeaturesOfInterest", feature, (name, description), {"feature": feature.feature})


def sensor_entity(sensor: Sensor, thing: Thing | None, publishers: Iterable[str]) -> Entity:
    """``thing``: the one of the inventory whose own it is; ``publishers``: those who speak for it."""
    if thing is None:
        return _encoded("Sensors", sensor, (sensor.name, sensor.description), {"metadata": sensor.metadata})
    told = "What measures {}; its readings come from the publishers named in the metadata"
    description = sensor.description or told.format(thing.id)
    name, metadata = f"Sensor of {thing.id}", " ".join(publishers)
    return _encoded("Sensors", sensor, (name, description), {"metadata": metadata})


def historical_location_entity(one: HistoricalLocation) -> Entity:
    return Entity("HistoricalLocations", one.id, {"time": iso(one.time)})


def datastream_entity(stream: Datastream, judged: Mapping[str, str] | None = None) -> Entity:
    """``judged`` has ``JUDGED``: who owns it, who may see it, and why it is measured."""
    series, told, kind = stream.series, stream.told, kind_of(stream.series.quantity)
    own = {
        "thing": series.thing,
        "quantity": series.quantity,
        "qualifiers": list(kind.qualifiers),
        "kind": kind.kind,
        "period": series.period,
    }
    shown = {
        "name": told.name or _stream_name(series),
        "description": told.description or ("" if told.name else _stream_description(series)),
        "observationType": observation_type(kind),
        "unitOfMeasurement": told.unit or unit_of(kind),
    }
    if told.observed_area is not None:
        shown["observedArea"] = told.observed_area
    return Entity("Datastreams", stream.id, {**shown, "properties": {**own, **told.properties, **(judged or {})}})


def observed_property_entity(kind: Kind) -> Entity:
    """A row of the contract."""
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


def observation_type(kind: Kind) -> str:
    return _OM + ("OM_Measurement" if kind.is_number else _OBSERVATION_TYPES.get(kind.kind, "OM_Observation"))


def unit_of(kind: Kind) -> dict[str, str | None]:
    """As the contract has it; nothing where no number is measured."""
    unit = kind.unit if kind.is_number else None
    return {"name": unit, "symbol": unit, "definition": UCUM if kind.is_number else None}


def _encoded(name: str, record: Location | Feature | Sensor, told: tuple[str, str], content: dict[str, Any]) -> Entity:
    """``told``: its name and description."""
    shown = {"name": told[0], "description": told[1], "encodingType": record.encoding_type, **content}
    return Entity(name, record.id, shown | ({"properties": record.properties} if record.properties else {}))


def _stream_name(series: Series) -> str:
    return f"{series.thing} {series.quantity}" + (f" {series.period} ms" if series.period else "")


def _stream_description(series: Series) -> str:
    return f"{series.quantity} of {series.thing}" + (" over an interval" if series.period else "")
