"""Which routes of SensorThings write? POST, PATCH, PUT and DELETE under ``/v1.1``."""

from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from collector.api.answers import as_json, city_of, view_of
from collector.refusals import NotThereError
from collector.sensorthings.answer import Service
from collector.sensorthings.array import ERROR
from collector.sensorthings.bodies import read_json
from collector.sensorthings.changing import CREATE_OBSERVATIONS, Address, Changing
from collector.sensorthings.options import Options
from collector.sensorthings.resource import key_of

router = APIRouter()
PATCH = "application/json-patch+json"


@router.post(f"/v1.1/{CREATE_OBSERVATIONS}", status_code=201, summary="SensorThings: observations as data arrays")
async def create_observations(request: Request) -> Response:
    """For each row the link to its observation, or ``error`` and why."""
    answers = await _changing(request).create_observations(read_json(await request.body()))
    links = [one if one.startswith(ERROR) else _link(request, Address("Observations", one)) for one in answers]
    return as_json(links, 201)


@router.post("/v1.1/{path:path}", status_code=201, summary="SensorThings: create an entity, with what is inside it")
async def create(request: Request, path: str) -> Response:
    made = await _changing(request).create(path, read_json(await request.body()))
    return as_json(await _shown(request, made), 201, {"Location": _link(request, made)})


@router.patch("/v1.1/{path:path}", summary="SensorThings: change what is said, by merging or by a JSON Patch")
async def change(request: Request, path: str) -> Response:
    body, changing = read_json(await request.body()), _changing(request)
    is_patch = request.headers.get("content-type", "").partition(";")[0].strip().lower() == PATCH
    changed = await (changing.patch(path, body) if is_patch else changing.merge(path, body))
    return as_json(await _shown(request, changed))


@router.put("/v1.1/{path:path}", summary="SensorThings: replace an entity")
async def replace(request: Request, path: str) -> Response:
    changed = await _changing(request).replace(path, read_json(await request.body()))
    return as_json(await _shown(request, changed))


@router.delete("/v1.1/{path:path}", summary="SensorThings: delete an entity")
async def delete(request: Request, path: str) -> Response:
    await _changing(request).delete(path)
    return Response(status_code=200)


def _changing(request: Request) -> Changing:
    return Changing(city_of(request), request.app.state.ingest, view_of(request))


def _link(request: Request, made: Address) -> str:
    return f"{_root(request)}/{_path(made)}"


def _path(made: Address) -> str:
    return quote(f"{made.set}({key_of(made.id)})", safe="/(),'")


def _root(request: Request) -> str:
    return f"{str(request.base_url).rstrip('/')}/v1.1"


async def _shown(request: Request, made: Address) -> Any:
    """The entity as whoever made it may see it: who may enter observations need not be one who may read them."""
    try:
        return await Service(view_of(request), _root(request)).get(f"{made.set}({key_of(made.id)})", Options())
    except NotThereError:
        return {"@iot.id": made.id, "@iot.selfLink": _link(request, made)}
