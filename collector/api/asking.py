"""By which addresses is one question asked in every format? GET and HEAD, the format in ``Accept`` or in the name."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from collector.api.formats import documented

W = TypeVar("W", bound=BaseModel)


class Address(NamedTuple):
    path: str
    summary: str
    is_tagged: bool = True
    """Whether an open answer has an ETag."""


def ask_in_every_format(
    router: APIRouter,
    address: Address,
    wanted: type[W],
    answer: Callable[[Request, W, str], Coroutine[Any, Any, Response]],
) -> None:
    """``wanted`` is what may be asked; ``answer`` takes it with the extension or "", and its docstring says more."""
    path, summary, is_tagged = address
    name = path.rpartition("/")[2]
    responses = documented(f"{summary}.", is_tagged=is_tagged)

    async def by_accept(request: Request, wanted: Any) -> Response:
        return await answer(request, wanted, "")

    async def by_name(
        request: Request, extension: Literal["json", "rows.json", "csv", "arrow", "parquet"], wanted: Any
    ) -> Response:
        return await answer(request, wanted, f".{extension}")

    by_accept.__name__, by_accept.__doc__ = name, answer.__doc__
    by_name.__name__ = f"{name}_as"
    by_name.__doc__ = f"As ``{path}``; ``rows.json`` is a plain array of ``{{time, …}}``."
    for where, one, said in (
        (path, by_accept, summary),
        (f"{path}.{{extension}}", by_name, "The same, with the format in the name"),
    ):
        one.__annotations__["wanted"] = Annotated[wanted, Query()]
        router.add_api_route(where, one, methods=["GET"], summary=said, responses=responses)
        router.add_api_route(where, one, methods=["HEAD"], include_in_schema=False)
