"""Which shapes can stand in a filter, and how do they relate? WKT and GeoJSON, in degrees of WGS 84 (18-088, 9.3.3.5).

Distances and lengths are in the unit of the coordinates, degrees, as the standard's examples take them.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import shapely
from shapely.errors import ShapelyError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry as Geometry

from collector.refusals import AskedWrongError

MOST_POINTS = 1000
DEEPEST = 6  # brackets of a collection of several polygons

_PATTERN = re.compile(r"[TF012*]{9}")


def read_wkt(text: str) -> Geometry:
    """What stands in ``geography'POINT (13.73 45.55)'``; raise AskedWrongError."""
    depth = deepest = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    if deepest > DEEPEST:
        raise AskedWrongError(f"geography: over {DEEPEST} brackets deep")
    try:
        found = shapely.from_wkt(text)
    except (ShapelyError, ValueError):
        raise AskedWrongError(f"geography: can't read {text[:40]!r}") from None
    if found is None or found.is_empty or not shapely.is_valid(found):
        raise AskedWrongError(f"geography: {text[:40]!r} is empty, or crosses itself")
    if shapely.count_coordinates(found) > MOST_POINTS:
        raise AskedWrongError(f"geography: over {MOST_POINTS} points")
    shapely.prepare(found)
    return found


def geometry_of(value: Any) -> Geometry | None:
    """What a GeoJSON object, or a position, shows; None for anything else."""
    if isinstance(value, Geometry):
        return value
    if isinstance(value, tuple):
        return shapely.Point(value)
    if not isinstance(value, Mapping):
        return None
    if value.get("type") == "Feature":
        value = value.get("geometry")
    try:
        found = shape(value)
    except (ShapelyError, ValueError, TypeError, AttributeError, KeyError, IndexError, RecursionError):
        return None
    return None if found.is_empty else found


def relate(one: Geometry, other: Geometry, pattern: str) -> bool | None:
    """By the nine marks of DE-9IM; None where the pattern is none."""
    return bool(shapely.relate_pattern(one, other, pattern)) if _PATTERN.fullmatch(pattern) else None


def _told(work: Callable[[Geometry, Geometry], Any]) -> Callable[[Geometry, Geometry], bool]:
    return lambda one, other: bool(work(one, other))


RELATIONS: dict[str, Callable[[Geometry, Geometry], bool]] = {
    "geo.intersects": _told(shapely.intersects),
    "st_equals": _told(shapely.equals),
    "st_disjoint": _told(shapely.disjoint),
    "st_touches": _told(shapely.touches),
    "st_within": _told(shapely.within),
    "st_overlaps": _told(shapely.overlaps),
    "st_crosses": _told(shapely.crosses),
    "st_intersects": _told(shapely.intersects),
    "st_contains": _told(shapely.contains),
}


def distance(one: Geometry, other: Geometry) -> float:
    return float(shapely.distance(one, other))


def length(one: Geometry) -> float:
    """Of a line; of an area, that of its edge."""
    return float(shapely.length(one))
