"""Which routes of SensorThings read? All of ``/v1.1``."""

from typing import Any

from fastapi import APIRouter, Request, Response

from collector.api.answers import as_json, view_of
from collector.sensorthings.answer import Raw, Service
from collector.sensorthings.options import OPTIONS, read_options

router = APIRouter()


def _parameters() -> list[dict[str, Any]]:
    """For OpenAPI: the options are read by their own grammar, and refused by name."""
    schemas = {int: {"type": "integer", "minimum": 0}, bool: {"type": "boolean"}, str: {"type": "string"}}
    return [
        {"name": name, "in": "query", "required": False, "description": what, "schema": schemas[kind]}
        for name, (kind, what) in OPTIONS.items()
    ]


@router.get("/v1.1", summary="SensorThings: the landing page")
@router.head("/v1.1", include_in_schema=False)
@router.get("/v1.1/", include_in_schema=False)
@router.head("/v1.1/", include_in_schema=False)
async def landing(request: Request) -> Response:
    return as_json(_service(request).landing())


@router.get(
    "/v1.1/{path:path}",
    summary="SensorThings: an entity set, an entity, or what it leads to",
    responses={204: {"description": "The property has no value"}},
    openapi_extra={"parameters": _parameters()},
)
@router.head("/v1.1/{path:path}", include_in_schema=False)
async def entities(request: Request, path: str) -> Response:
    options = read_options(request.query_params.multi_items())
    answer = await _service(request).get(path, options)
    return _value_alone(answer.value) if isinstance(answer, Raw) else as_json(answer)


def _value_alone(value: object) -> Response:
    """Text as text, a number as its digits, and what has parts as JSON (18-088, 9.2.5)."""
    if value is None:
        return Response(status_code=204)
    return Response(value, media_type="text/plain") if isinstance(value, str) else as_json(value)


def _service(request: Request) -> Service:
    return Service(view_of(request), f"{str(request.base_url).rstrip('/')}/v1.1")
