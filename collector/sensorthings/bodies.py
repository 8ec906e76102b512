"""Is a body what an entity needs? Its properties, each of its type, and its links, all named in what is refused."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from collector.refusals import AskedWrongError, TooLargeError
from collector.sensorthings.entities import NAVIGATION, leads_to_one
from collector.sensorthings.geojson import ENCODINGS, check_geojson

LARGEST = 1 << 20  # bytes of a body
DEEPEST = 32  # levels of JSON
LARGEST_NUMBER = 2**53  # beyond it, clients lose digits

Reader = Callable[[str, Any], Any]


@dataclass(frozen=True, slots=True)
class Body:
    """What was said of one entity, checked; links not yet followed."""

    path: str
    """Where it stands in the whole body, with a dot behind it: ``Datastreams.0.``; "" for the whole."""
    properties: dict[str, Any]
    links: dict[str, list["Body | Link"]] = field(default_factory=dict)
    """By navigation property; what leads to one holds one."""


class Link(NamedTuple):
    """``{"@iot.id": 1}``."""

    path: str
    id: int | str


def read_json(content: bytes) -> Any:
    """Raise AskedWrongError or TooLargeError; what is returned can be stored and sent."""
    if len(content) > LARGEST:
        raise TooLargeError(f"body: at most {LARGEST} bytes")
    try:
        value = msgspec.json.decode(content)
    except (ValueError, RecursionError):  # msgspec's errors and those of UTF-8 are ValueErrors
        raise AskedWrongError("body: not JSON") from None
    check_json("body", value)
    return value


def check_json(path: str, value: Any, depth: int = 0) -> None:
    """Depth, numbers and text within what every client and both databases keep; raise AskedWrongError."""
    if depth > DEEPEST:
        raise AskedWrongError(f"body: over {DEEPEST} levels deep")
    match value:
        case dict():
            for key, inner in value.items():
                check_json(path, key, depth)
                check_json(path if depth else key, inner, depth + 1)
        case list():
            for inner in value:
                check_json(path, inner, depth + 1)
        case str():
            if "\0" in value:
                raise AskedWrongError(f"{path[:64]}: text holds no zero bytes")
        case int() | float():
            if not -LARGEST_NUMBER <= value <= LARGEST_NUMBER:
                raise AskedWrongError(f"{path[:64]}: a number beyond 2^53")


def read_body(name: str, value: Any, path: str = "", *, given: frozenset[str] = frozenset()) -> Body:
    """A whole entity of a set; ``given`` are the links that the request's path has made already."""
    body = read_part(name, value, path)
    fields = FIELDS[name]
    missing = [key for key, one in fields.items() if one.required and key not in body.properties]
    missing += [key for key in _REQUIRED_LINKS.get(name, ()) if key not in body.links and key not in given]
    if missing:
        raise AskedWrongError(f"{path}{missing[0]}: missing; {name} need {' '.join(_needed(name))}")
    twice = [key for key in given if key in body.links]
    if twice:
        raise AskedWrongError(f"{path}{twice[0]}: follows from where this stands")
    return body


def read_part(name: str, value: Any, path: str = "") -> Body:
    """Some of an entity, as PATCH sends it; raise AskedWrongError naming the key."""
    if not isinstance(value, dict):
        raise AskedWrongError(f"{path.rstrip('.') or 'body'}: expected an object")
    fields, links = FIELDS[name], NAVIGATION[name]
    properties: dict[str, Any] = {}
    found: dict[str, list[Body | Link]] = {}
    for key, inner in value.items():
        if key in fields:
            properties[key] = fields[key].read(f"{path}{key}", inner)
        elif key in links:
            found[key] = list(_read_links(name, key, inner, f"{path}{key}"))
        elif "@iot." not in key or (key == "@iot.id" and path):
            known = " ".join((*fields, *links))
            raise AskedWrongError(f"{path}{key[:64]}: {name} have no such property; they have {known}")
    return Body(path, properties, found)


def _read_links(parent: str, key: str, value: Any, path: str) -> Iterator[Body | Link]:
    to_one = leads_to_one(key)
    if not to_one and not isinstance(value, list):
        raise AskedWrongError(f"{path}: expected a list")
    back = frozenset(filter(None, [BACK.get((parent, key))]))
    for place, one in enumerate([value] if to_one else value):
        here = path if to_one else f"{path}.{place}"
        if isinstance(one, dict) and "@iot.id" in one:
            yield Link(here, _read_id(f"{here}.@iot.id", one["@iot.id"]))
        else:
            yield read_body(NAVIGATION[parent][key], one, f"{here}.", given=back)


def _read_id(path: str, value: Any) -> int | str:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise AskedWrongError(f"{path}: expected a number or text")
    return value


def _needed(name: str) -> list[str]:
    return [key for key, one in FIELDS[name].items() if one.required] + list(_REQUIRED_LINKS.get(name, ()))


# ---- what each property must be --------------------------------------------------------------------------------------


def _text(path: str, value: Any) -> str:
    if not isinstance(value, str):
        raise AskedWrongError(f"{path}: expected text")
    return value


def _name(path: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise AskedWrongError(f"{path}: expected text that is not empty")
    return value


def _object(path: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise AskedWrongError(f"{path}: expected an object")
    return value


def _objects(path: str, value: Any) -> dict[str, Any]:
    """``null`` takes them away."""
    return {} if value is None else _object(path, value)


def _area(path: str, value: Any) -> dict[str, Any] | None:
    if value is not None:
        check_geojson(path, value)
    return None if value is None else _object(path, value)


def _unit(path: str, value: Any) -> dict[str, Any]:
    unit = _object(path, value)
    for key in ("name", "symbol", "definition"):
        if key not in unit:
            raise AskedWrongError(f"{path}.{key}: missing")
    for key, one in unit.items():
        if key not in ("name", "symbol", "definition"):
            raise AskedWrongError(f"{path}.{key[:64]}: a unit has name, symbol and definition")
        if one is not None and not isinstance(one, str):
            raise AskedWrongError(f"{path}.{key}: expected text or null")
    return unit


def _anything(_path: str, value: Any) -> Any:
    return value


def check_encoded(body: Body, key: str, encoding_type: str, form: Any) -> None:
    """What is called GeoJSON is GeoJSON."""
    if encoding_type in ENCODINGS:
        check_geojson(f"{body.path}{key}", form)
    elif form is None:
        raise AskedWrongError(f"{body.path}{key}: expected something")


class Field(NamedTuple):
    required: bool
    read: Reader


_DESCRIBED = {"name": Field(required=True, read=_name), "description": Field(required=True, read=_text)}
_FREE = {"properties": Field(required=False, read=_objects)}


def _required(read: Reader) -> Field:
    return Field(required=True, read=read)


def _optional(read: Reader) -> Field:
    return Field(required=False, read=read)


FIELDS: dict[str, dict[str, Field]] = {
    "Things": {**_DESCRIBED, **_FREE},
    "Locations": {**_DESCRIBED, "encodingType": _required(_name), "location": _required(_anything), **_FREE},
    "HistoricalLocations": {"time": _required(_text)},
    "Sensors": {**_DESCRIBED, "encodingType": _required(_name), "metadata": _required(_anything), **_FREE},
    "ObservedProperties": {**_DESCRIBED, "definition": _required(_text), **_FREE},
    "FeaturesOfInterest": {**_DESCRIBED, "encodingType": _required(_name), "feature": _required(_anything), **_FREE},
    "Datastreams": {
        **_DESCRIBED,
        "unitOfMeasurement": _required(_unit),
        "observationType": _required(_text),
        "observedArea": _optional(_area),
        **_FREE,
    },
    "Observations": {
        "phenomenonTime": _optional(_text),
        "resultTime": _optional(_anything),
        "result": _required(_anything),
        "resultQuality": _optional(_text),
        "parameters": _optional(_objects),
    },
}
_REQUIRED_LINKS = {
    "HistoricalLocations": ("Thing", "Locations"),
    "Datastreams": ("Thing", "Sensor", "ObservedProperty"),
    "Observations": ("Datastream",),
}
BACK = {
    ("Things", "Datastreams"): "Thing",
    ("Things", "Locations"): "Things",
    ("Things", "HistoricalLocations"): "Thing",
    ("Locations", "Things"): "Locations",
    ("Locations", "HistoricalLocations"): "Locations",
    ("Sensors", "Datastreams"): "Sensor",
    ("ObservedProperties", "Datastreams"): "ObservedProperty",
    ("Datastreams", "Observations"): "Datastream",
    ("FeaturesOfInterest", "Observations"): "FeatureOfInterest",
}
"""What an entity that stands inside another, or behind it in a path, need not say: its link back."""
