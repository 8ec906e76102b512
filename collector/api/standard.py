"""Which routes does SensorThings have? All of ``/v1.1``, read only."""

from fastapi import APIRouter, Request, Response

from collector.api.answers import as_json, view_of
from collector.sensorthings.answer import Service
from collector.sensorthings.options import read_options

router = APIRouter()


@router.get("/v1.1", summary="SensorThings: the landing page")
@router.get("/v1.1/", include_in_schema=False)
async def landing(request: Request) -> Response:
    return as_json(_service(request).landing())


@router.get("/v1.1/{path:path}", summary="SensorThings: an entity set, an entity, or what it leads to")
async def entities(request: Request, path: str) -> Response:
    options = read_options(request.query_params.multi_items())
    return as_json(await _service(request).get(path, options))


def _service(request: Request) -> Service:
    return Service(view_of(request), f"{str(request.base_url).rstrip('/')}/v1.1")
