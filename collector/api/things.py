"""What is there, and how does it stand now? Every thing with the last value of each of its series, also on a map."""

from collections.abc import Hashable, Sequence
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request, Response

from collector.api.answers import view_of
from collector.api.asked import check_center
from collector.api.keeping import kept_by_all, kept_by_nobody, unchanged
from collector.entities.registry import Thing
from collector.observation import Observation, kind_of
from collector.view import View

router = APIRouter()

Center = Annotated[str | None, Query(description="Only the things of this center.")]


def _documented(media_type: str, required: Sequence[str]) -> dict[int | str, dict[str, Any]]:
    schema = {"type": "object", "required": list(required)}
    return {200: {"description": "The things.", "content": {media_type: {"schema": schema}}}}


@router.get(
    "/api/things",
    summary="All things, or those of one center, with their last values",
    responses=_documented("application/json", ["city", "things"]),
)
@router.head("/api/things", include_in_schema=False)
async def things(request: Request, center: Center = None) -> Response:
    view = view_of(request)
    check_center(view, center)
    headers = _kept(view, "things", center)
    if same := unchanged(request, headers):
        return same
    found = [_shown(view, one) for one in _things(view, center)]
    body = msgspec.json.encode({"city": view.city, "things": found})
    return Response(body, media_type="application/json", headers=headers)


@router.get(
    "/api/things.geojson",
    summary="The same as GeoJSON, for a map",
    responses=_documented("application/geo+json", ["type", "features"]),
    response_class=Response,
)
@router.head("/api/things.geojson", include_in_schema=False)
async def features(request: Request, center: Center = None) -> Response:
    """RFC 7946. What moves is where it was seen last; what has no place has no geometry."""
    view = view_of(request)
    check_center(view, center)
    headers = _kept(view, "geojson", center)
    if same := unchanged(request, headers):
        return same
    found = [_feature(_shown(view, one)) for one in _things(view, center)]
    body = msgspec.json.encode({"type": "FeatureCollection", "features": found})
    return Response(body, media_type="application/geo+json", headers=headers)


def _kept(view: View, *about: Hashable) -> dict[str, str]:
    """What one without a name sees is open to all."""
    if view.asker.name:
        return kept_by_nobody()
    return kept_by_all(*about, view.revision, revision=view.changed(None))


def _things(view: View, center: str | None) -> list[Thing]:
    return [one for one in view.things if center in (None, one.center)]


def _feature(shown_thing: dict[str, Any]) -> dict[str, Any]:
    place = shown_thing["location"]
    for one in shown_thing["last"]:
        if one["kind"] == "position":
            place = one["value"]
    properties = {name: shown_thing[name] for name in ("name", "center", "listed", "last")}
    geometry = None if place is None else {"type": "Point", "coordinates": place}
    return {"type": "Feature", "id": shown_thing["id"], "geometry": geometry, "properties": properties}


def _shown(view: View, thing: Thing) -> dict[str, Any]:
    found = (view.last(stream.series) for stream in view.datastreams_of(thing.id))
    return {
        "id": thing.id,
        "name": thing.name,
        "center": thing.center,
        "location": thing.location,
        "listed": thing.listed,
        "publisher": thing.id in view.publishers_of(thing.id),
        "last": [shown(one) for one in found if one is not None],
    }


def shown(one: Observation) -> dict[str, Any]:
    """One observation as the page and live clients read it; times in ms UTC."""
    kind = kind_of(one.series.quantity)
    return {
        "thing": one.series.thing,
        "quantity": one.series.quantity,
        "period": one.series.period,
        "at": one.at,
        "value": one.value,
        "unit": kind.unit if kind.is_number else "",
        "kind": kind.kind,
        "quality": one.judged,
        "censored": one.censored,
    }
