"""What is kept of each entity? Frozen; what stands in a record as "" follows from what stands in inventory.toml."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from collector.observation import Series

GEOJSON = "application/geo+json"


@dataclass(frozen=True, slots=True)
class Thing:
    """What is measured. A publisher is a thing too: its state is observed."""

    number: int
    """Stable, never given again."""
    id: str
    name: dict[str, str]
    """By language: sl, it, en."""
    location: tuple[float, ...] | None
    """(longitude, latitude) or (longitude, latitude, height in m), WGS 84: where the first of its places is a point."""
    center: str
    """The one center that owns its observations."""
    listed: bool
    """False: no longer in the inventory; its observations are still there."""
    description: str = ""
    properties: dict[str, Any] = field(default_factory=dict)
    """What was told over HTTP, beside ours."""
    locations: tuple[int, ...] = ()
    """The ids of those it has now."""
    inventory: bool = True
    """It stands, or stood, in inventory.toml; else it was made over HTTP."""


@dataclass(frozen=True, slots=True)
class Publisher:
    id: str
    role: str
    """node, gateway, center or reader."""
    things: frozenset[str]
    """The things it may speak for, itself among them."""


@dataclass(frozen=True, slots=True)
class Told:
    """What was told of a datastream over HTTP."""

    name: str = ""
    description: str = ""
    sensor: int | None = None
    """None: the thing's own."""
    unit: dict[str, Any] | None = None
    observed_area: dict[str, Any] | None = None
    properties: dict[str, Any] = field(default_factory=dict)


NOTHING_TOLD = Told()


@dataclass(frozen=True, slots=True)
class Datastream:
    id: int
    """Stable, never given again."""
    series: Series
    told: Told = field(default=NOTHING_TOLD, compare=False)


@dataclass(frozen=True, slots=True)
class Location:
    id: int
    name: str
    description: str
    encoding_type: str
    location: Any
    """A GeoJSON geometry or feature, or whatever the encoding says."""
    properties: dict[str, Any] = field(default_factory=dict)
    thing: int | None = None
    """The thing that inventory.toml put there; None: it was made over HTTP."""


@dataclass(frozen=True, slots=True)
class HistoricalLocation:
    id: int
    thing: int
    time: int
    """From when on the thing was there, ms UTC."""
    locations: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sensor:
    id: int
    name: str
    description: str
    encoding_type: str
    metadata: Any
    properties: dict[str, Any] = field(default_factory=dict)
    thing: int | None = None
    """The thing of the inventory whose own sensor it is."""


@dataclass(frozen=True, slots=True)
class Feature:
    """A FeatureOfInterest."""

    id: int
    name: str
    description: str
    encoding_type: str
    feature: Any
    properties: dict[str, Any] = field(default_factory=dict)
    location: int | None = None
    """The place it was generated from."""


class Placed(NamedTuple):
    """From ``since`` on (ms UTC) the observations of a thing are of this feature."""

    thing: int
    since: int
    feature: int | None


class Sampled(NamedTuple):
    """One observation that is of another feature than the place of its thing."""

    datastream: int
    at: int
    feature: int


Record = Thing | Datastream | Location | HistoricalLocation | Sensor | Feature | Placed | Sampled
Key = int | tuple[int, int]


def key_of(record: Record) -> Key:
    """What tells it apart from others of its kind."""
    match record:
        case Thing():
            return record.number
        case Placed() | Sampled():
            return record[0], record[1]
        case _:
            return record.id
