"""What changes when inventory.toml is taken? New things get numbers, moved ones a history, and none is forgotten."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from collector.entities.change import Change
from collector.entities.inventory import Inventory
from collector.entities.known import Known
from collector.entities.placing import moved
from collector.entities.records import GEOJSON, Location, Sensor, Thing


class _Entry(NamedTuple):
    id: str
    name: dict[str, str]
    location: tuple[float, ...] | None
    center: str


def enlist(inventory: Inventory, known: Known, change: Change, now: int) -> None:
    """Put into the change what is new or other; ``now`` (ms UTC) is when moved things were moved."""
    entries = {entry.id: entry for entry in _entries(inventory)}
    for entry in entries.values():
        before = known.thing(entry.id)
        thing = _listed(entry, before, change)
        thing = _at_its_place(thing, entry, known, change, now)
        if thing != before:
            change.put(thing)
        if known.catalog.own_sensor(thing.number) is None:
            number = change.number(Sensor, wanted=thing.number)
            change.put(Sensor(number, "", "", "text/plain", None, thing=thing.number))
    for one in known.things:
        if one.listed and one.inventory and one.id not in entries:
            change.put(replace(one, listed=False))


def _entries(inventory: Inventory) -> Iterator[_Entry]:
    """Every thing, then every publisher that is none of them: it is of the center and the place of its first thing."""
    things = {one.id: one for one in inventory.thing}
    for one in inventory.thing:
        yield _Entry(one.id, one.name.model_dump(), one.location, one.center)
    for publisher in inventory.publisher:
        if publisher.role in ("node", "gateway") and publisher.id not in things:
            first = things[publisher.things[0]] if publisher.things else None
            names = dict.fromkeys(("sl", "it", "en"), publisher.id)
            center = first.center if first else "administration"
            yield _Entry(publisher.id, names, first.location if first else None, center)


def _listed(entry: _Entry, before: Thing | None, change: Change) -> Thing:
    if before is None:
        return Thing(change.number(Thing), entry.id, entry.name, None, entry.center, listed=True)
    return replace(before, name=entry.name, center=entry.center, listed=True, inventory=True)


def _at_its_place(thing: Thing, entry: _Entry, known: Known, change: Change, now: int) -> Thing:
    """Moved, where the file says another place than before; places it was given over HTTP stay while it says none."""
    catalog = known.catalog
    places = [place for number in thing.locations if (place := catalog.location(number))]
    there = next((place for place in places if place.thing == thing.number), None)
    if entry.location is None:
        return thing if there is None else moved(change, known, thing, (), now)
    form: dict[str, Any] = {"type": "Point", "coordinates": list(entry.location)}
    if there is not None and there.location == form:
        return thing
    been = (catalog.location(number) for one in catalog.history_of(thing.number) for number in one.locations)
    place = next((one for one in been if one and one.thing == thing.number and one.location == form), None)
    if place is None:
        number = change.number(Location, wanted=thing.number)
        place = change.put(Location(number, "", "", GEOJSON, form, thing=thing.number))
    return moved(change, known, thing, (place.id,), now)
