"""Is it GeoJSON? Geometries and features, in degrees of WGS 84 (RFC 7946)."""

from typing import Any

from collector.refusals import AskedWrongError

ENCODINGS = ("application/geo+json", "application/vnd.geo+json")

# How many lists lie around a position of each geometry (RFC 7946 3.1).
_LEVELS = {"Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}


def check_geojson(path: str, value: Any) -> None:
    """Raise AskedWrongError naming the place."""
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        raise AskedWrongError(f"{path}: expected GeoJSON, an object with a type")
    kind = value["type"]
    if kind == "Feature":
        check_geojson(f"{path}.geometry", value.get("geometry"))
    elif kind == "GeometryCollection":
        several = value.get("geometries")
        if not isinstance(several, list) or not several:
            raise AskedWrongError(f"{path}.geometries: expected at least one")
        for place, one in enumerate(several):
            check_geojson(f"{path}.geometries.{place}", one)
    elif kind in _LEVELS:
        _check_lists(f"{path}.coordinates", value.get("coordinates"), _LEVELS[kind], kind)
    else:
        expected = " ".join((*_LEVELS, "GeometryCollection", "Feature"))
        raise AskedWrongError(f"{path}.type: expected one of {expected}")


def _check_lists(path: str, value: Any, levels: int, kind: str) -> None:
    if levels == 0:
        _check_position(path, value)
        return
    if not isinstance(value, list) or not value:
        raise AskedWrongError(f"{path}: expected at least one")
    for place, one in enumerate(value):
        _check_lists(f"{path}.{place}", one, levels - 1, kind)
    is_ring = levels == 1 and kind in ("Polygon", "MultiPolygon")
    if is_ring and (len(value) < 4 or value[0] != value[-1]):
        raise AskedWrongError(f"{path}: a ring has four positions or more, and ends where it begins")
    if levels == 1 and kind in ("LineString", "MultiLineString") and len(value) < 2:
        raise AskedWrongError(f"{path}: a line has two positions or more")


def _check_position(path: str, value: Any) -> None:
    if not isinstance(value, list) or len(value) not in (2, 3):
        raise AskedWrongError(f"{path}: expected [longitude, latitude] or [longitude, latitude, height]")
    for place, limit in enumerate((180, 90, 100_000)[: len(value)]):
        number = value[place]
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not -limit <= number <= limit:
            raise AskedWrongError(f"{path}.{place}: expected a number from -{limit} to {limit}")
