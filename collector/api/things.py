"""What is there, and how does it stand now? Every thing with the last value of each of its series."""

from typing import Any

from fastapi import APIRouter, Request, Response

from collector.api.answers import as_json, view_of
from collector.inventory import CENTERS
from collector.observation import Observation, kind_of
from collector.registry import Thing
from collector.sensorthings import AskedWrongError
from collector.view import View

router = APIRouter()


@router.get("/api/things", summary="All things, or those of one center, with their last values")
async def things(request: Request, center: str | None = None) -> Response:
    if center is not None and center not in CENTERS:
        raise AskedWrongError(f"center: expected one of {' '.join(CENTERS)}, got {center}")
    view = view_of(request)
    wanted = [one for one in view.things if center in (None, one.center)]
    return as_json({"city": view.city, "things": [_shown(view, one) for one in wanted]})


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
