"""What has each kind of entity, and which value does a path lead to? As ``Thing/Locations/location``.

A path goes through any number of navigation properties to a property, and on into its JSON where it is JSON. Where it
leads through a set, it has the values of all (``expression.Several``).
"""

from collections.abc import Sequence
from typing import Any

from collector.refusals import AskedWrongError
from collector.sensorthings.entities import NAVIGATION, Entities, Entity, Id, leads_to_one
from collector.sensorthings.expression import Property, Several
from collector.sensorthings.literals import read_instant, read_interval

_DESCRIBED = ("name", "description")
PROPERTIES: dict[str, tuple[str, ...]] = {
    "Things": (*_DESCRIBED, "properties"),
    "Locations": (*_DESCRIBED, "encodingType", "location", "properties"),
    "HistoricalLocations": ("time",),
    "Datastreams": (
        *_DESCRIBED,
        "observationType",
        "unitOfMeasurement",
        "observedArea",
        "phenomenonTime",
        "resultTime",
        "properties",
    ),
    "Sensors": (*_DESCRIBED, "encodingType", "metadata", "properties"),
    "ObservedProperties": ("name", "definition", "description", "properties"),
    "Observations": ("phenomenonTime", "resultTime", "result", "resultQuality", "validTime", "parameters"),
    "FeaturesOfInterest": (*_DESCRIBED, "encodingType", "feature", "properties"),
}
"""As 18-088, 8.2 names them; the optional ones may be absent from an entity."""
ID = ("id", "@iot.id")
LONGEST = 12  # steps
_JSON = {"properties", "parameters", "unitOfMeasurement", "observedArea", "location", "feature", "metadata"}
_TIMES = {"phenomenonTime", "resultTime", "validTime", "time"}


def check_path(option: str, name: str, asked: Property, *, to_one: bool = False) -> None:
    """Raise AskedWrongError unless the path leads somewhere from this set; ``to_one`` refuses ways through sets."""
    if len(asked.path) > LONGEST:
        raise AskedWrongError(f"{option}: {asked} has over {LONGEST} steps")
    at = name
    for place, step in enumerate(asked.path):
        if step not in NAVIGATION[at]:
            _check_property(option, at, asked, asked.path[place:])
            return
        at = NAVIGATION[at][step]
        if at == "Observations":
            raise AskedWrongError(f"{option}: {asked} leads through Observations; ask these, by their Datastream")
        if to_one and not leads_to_one(step):
            raise AskedWrongError(f"{option}: {asked} leads to many {step}")
    raise AskedWrongError(f"{option}: {asked} is no property; name one of {' '.join((*ID[:1], *PROPERTIES[at]))}")


def _check_property(option: str, name: str, asked: Property, rest: Sequence[str]) -> None:
    if rest[0] not in (*ID, *PROPERTIES[name]):
        raise AskedWrongError(f"{option}: {asked}: {name} have no property {rest[0]}")
    if len(rest) > 1 and rest[0] not in _JSON:
        raise AskedWrongError(f"{option}: {asked}: {rest[0]} has no parts")


class Paths:
    """Finds values, and remembers the ways it went: for one request."""

    def __init__(self, entities: Entities) -> None:
        self._entities = entities
        self._related: dict[tuple[str, Id, str], list[Entity]] = {}

    def related(self, entity: Entity, step: str) -> list[Entity]:
        """As ``Entities.related``."""
        way = entity.set, entity.id, step
        if way not in self._related:
            self._related[way] = self._entities.related(entity, step)
        return self._related[way]

    def value(self, entity: Entity, path: Sequence[str]) -> Any:
        """What stands there; null where a step leads nowhere."""
        here = [entity]
        at, place, is_one = entity.set, 0, True
        while path[place] in NAVIGATION[at]:
            step = path[place]
            here = [found for one in here for found in self.related(one, step)]
            at, place, is_one = NAVIGATION[at][step], place + 1, is_one and leads_to_one(step)
        values = tuple(_value(one, path[place:]) for one in here)
        return values[0] if len(values) == 1 else Several(values) if values else None


def _value(entity: Entity, rest: Sequence[str]) -> Any:
    name = rest[0]
    if name in ID:
        return entity.id
    value = inside(entity.properties.get(name), rest[1:])
    if name in _TIMES and isinstance(value, str):
        return read_interval(value) if "/" in value else read_instant(value)
    return value


def inside(value: Any, path: Sequence[str]) -> Any:
    """What stands at a path in JSON; None where nothing does."""
    for part in path:
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, (list, tuple)) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value
