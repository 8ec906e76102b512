"""What follows when a thing gets other places? Its history, and the feature that it observes from then on."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from collector.entities.change import Change
from collector.entities.known import Known
from collector.entities.records import GEOJSON, Feature, HistoricalLocation, Location, Placed, Thing

_ENCODINGS = (GEOJSON, "application/vnd.geo+json")


def moved(change: Change, known: Known, thing: Thing, locations: Sequence[int], now: int) -> Thing:
    """The thing at its new places; the rest is put into the change. The caller puts the thing."""
    if tuple(locations) != thing.locations:
        number = change.number(HistoricalLocation, wanted=thing.number)
        change.put(HistoricalLocation(number, thing.number, now, tuple(locations)))
    return observed(change, known, replace(thing, locations=tuple(locations)), now)


def observed(change: Change, known: Known, thing: Thing, now: int) -> Thing:
    """The thing with the point where it is; from now on its observations are of the feature made of that place."""
    places = [place for number in thing.locations if (place := location_of(change, known, number))]
    shown = next((place for place in places if place.encoding_type in _ENCODINGS), None)
    feature = feature_of(change, known, shown).id if shown else None
    placed = known.catalog.placed(thing.number)
    if (placed[-1].feature if placed else None) != feature:
        change.put(Placed(thing.number, now, feature))
    return replace(thing, location=next(filter(None, map(point_of, places)), None))


def location_of(change: Change, known: Known, number: int) -> Location | None:
    """As it is, or as it will be."""
    return change.get(Location, number) or known.catalog.location(number)


def feature_of(change: Change, known: Known, place: Location) -> Feature:
    """The feature that is made of a place, with its name and its form: once."""
    made = change.made_of.get(place.id)
    found = known.catalog.generated(place.id) if made is None else change.get(Feature, made)
    if found is not None and not change.is_dropped(found) and found.feature == place.location:
        return found
    if found is not None:  # what was observed there stays of the old form
        change.put(replace(found, location=None, name=found.name or place.name))
    number = change.made_of[place.id] = change.number(Feature, wanted=place.id)
    told = place.name, place.description, place.encoding_type, place.location
    return change.put(Feature(number, *told, location=place.id))


def point_of(place: Location) -> tuple[float, ...] | None:
    """(longitude, latitude) or with a height, where the place is a point of GeoJSON (RFC 7946 3.1.2)."""
    form: Any = place.location
    if isinstance(form, dict) and form.get("type") == "Feature":
        form = form.get("geometry")
    if place.encoding_type not in _ENCODINGS or not isinstance(form, dict) or form.get("type") != "Point":
        return None
    return tuple(map(float, form["coordinates"][:3]))
