"""What does a person say at the place? Which board, where, how high, which way, for which thing; checked here."""

import math
from typing import Any, Literal, NamedTuple

from firmware import contract
from provisioning import ProvisionError
from provisioning.inventory import CENTERS
from provisioning.label import Label, read_label

Source = Literal["gnss", "map"]
FAR_M = 100.0
"""Farther from its thing than this, a board stands at another place, or two numbers were swapped."""


class Mounting(NamedTuple):
    """Degrees (WGS 84), metres; ``orientation`` is the bearing that the board looks to, clockwise from north."""

    label: Label
    thing: str
    longitude: float
    latitude: float
    accuracy: float | None
    source: Source
    height: float | None
    """Above the ground."""
    orientation: float | None
    center: str
    """Of a thing that is new; "" otherwise."""
    moves_thing: bool


_LIMITS = {
    "longitude": (-180.0, 180.0),
    "latitude": (-90.0, 90.0),
    "accuracy": (0.0, 10_000.0),
    "height": (-100.0, 500.0),
    "orientation": (0.0, 360.0),
}
_KEYS = {"label", "thing", "source", "center", "moves_thing", *_LIMITS}


def read_mounting(told: Any) -> Mounting:
    """From JSON, or from the options of a command; raise ProvisionError naming the key."""
    if not isinstance(told, dict):
        raise ProvisionError("mounting: expected an object")
    if unknown := sorted(set(map(str, told)) - _KEYS):
        raise ProvisionError(f"{unknown[0][:80]}: unknown key")
    for key in ("label", "thing"):
        if not isinstance(told.get(key), str):
            raise ProvisionError(f"{key}: expected text")
    numbers = {key: _number(told, key) for key in _LIMITS}
    longitude, latitude = numbers["longitude"], numbers["latitude"]
    if longitude is None or latitude is None:
        raise ProvisionError(f"{'latitude' if latitude is None else 'longitude'}: where is it? Give a position")
    source = told.get("source", "gnss")
    if source not in ("gnss", "map"):
        raise ProvisionError("source: expected gnss or map")
    center = told.get("center", "")
    if center not in ("", *CENTERS):
        raise ProvisionError(f"center: expected one of {' '.join(CENTERS)}")
    if not isinstance(told.get("moves_thing", False), bool):
        raise ProvisionError("moves_thing: expected true or false")
    try:
        contract.check_id("thing", told["thing"])
    except contract.ContractError as error:
        raise ProvisionError(str(error)) from None
    return Mounting(
        read_label(told["label"]),
        told["thing"],
        longitude,
        latitude,
        numbers["accuracy"],
        source,
        numbers["height"],
        numbers["orientation"],
        center,
        told.get("moves_thing", False),
    )


def metres_between(a: tuple[float, float], b: tuple[float, float]) -> float:
    """(longitude, latitude) each; on a sphere, which is right to half a percent."""
    (lon_a, lat_a), (lon_b, lat_b) = (map(math.radians, one) for one in (a, b))
    h = math.sin((lat_b - lat_a) / 2) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin((lon_b - lon_a) / 2) ** 2
    return 2 * 6_371_000 * math.asin(math.sqrt(h))


def _number(told: dict[str, Any], key: str) -> float | None:
    number = told.get(key)
    if number is None:
        return None
    low, high = _LIMITS[key]
    if isinstance(number, bool) or not isinstance(number, int | float) or not low <= number <= high:
        raise ProvisionError(f"{key}: expected a number from {low:g} to {high:g}")
    return float(number)
