"""What is a thing told to do? Asked for by one person, approved by another, sent, and answered."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from collector.access.asker import Asker
from collector.api.answers import as_json, asker_of, city_of
from collector.city import City
from collector.clock import now
from collector.command_book import Command, CommandBook, CommandError, NoCommandError, Wish
from collector.refusals import AskedWrongError, NotThereError

router = APIRouter()

DAY = 86_400_000  # ms


class Wanted(BaseModel):
    """``valid_for`` in seconds, from the approval on. ``publisher`` only where several speak for the thing."""

    model_config = ConfigDict(extra="forbid")

    thing: Annotated[str, Field(max_length=64)]
    name: Annotated[str, Field(min_length=1, max_length=64)]
    arguments: dict[str, Any] = {}
    reason: Annotated[str, Field(max_length=256)]
    valid_for: Annotated[int, Field(ge=1, le=3600)] = 300
    publisher: str | None = None


@router.post("/api/commands", summary="Ask for a command; it is sent once somebody else approves it")
async def ask(request: Request, wanted: Wanted) -> Response:
    """For operators of the thing's center."""
    asker, city = asker_of(request), city_of(request)
    asker.must_anywhere("operate")
    thing = city.registry.thing(wanted.thing)
    if thing is None:
        raise NotThereError(f"thing: there is no {wanted.thing}")
    asker.must("operate", thing.center)
    publisher = _publisher(city, wanted)
    wish = Wish(
        thing.center,
        publisher,
        thing.id,
        wanted.name,
        wanted.arguments,
        wanted.reason,
        wanted.valid_for * 1000,
    )
    answer = await _answer(lambda book: book.ask(asker, wish), city)
    answer.status_code = 201
    return answer


@router.post(
    "/api/commands/{identifier}/approval", summary="Approve a command that somebody else asked for; it is sent"
)
async def approve(request: Request, identifier: str) -> Response:
    """For operators of the thing's center."""
    asker, city = await _may(request, identifier)
    answer = await _answer(lambda book: book.approve(asker, identifier), city)
    city.approved.set()
    return answer


@router.delete("/api/commands/{identifier}", summary="Withdraw a command that nobody has approved")
async def withdraw(request: Request, identifier: str) -> Response:
    """For operators of the thing's center."""
    asker, city = await _may(request, identifier)
    return await _answer(lambda book: book.withdraw(asker, identifier), city)


@router.get("/api/commands/{identifier}", summary="One command, its approval, and what the publisher answered")
async def one(request: Request, identifier: str) -> Response:
    """For operators of the thing's center."""
    _, city = await _may(request, identifier)
    return await _answer(lambda book: book.find(identifier), city)


@router.get("/api/commands", summary="The commands of some days, the oldest first")
async def commands(request: Request, days: Annotated[int, Query(ge=1, le=366)] = 7) -> Response:
    """Of the centers that the asker operates."""
    asker, city = asker_of(request), city_of(request)
    asker.must_anywhere("operate")
    found = await asyncio.to_thread(city.commands.listed, now() - days * DAY)
    return as_json({"commands": [_shown(one) for one in found if asker.may("operate", one.wish.center)]})


def _publisher(city: City, wanted: Wanted) -> str:
    speakers = sorted(
        one.id
        for one in city.registry.publishers.values()
        if wanted.thing in one.things and one.role in ("node", "gateway")
    )
    if wanted.publisher is not None and wanted.publisher not in speakers:
        raise AskedWrongError(f"publisher: {wanted.publisher} does not speak for {wanted.thing}")
    if not speakers:
        raise AskedWrongError(f"thing: nobody speaks for {wanted.thing}")
    if wanted.publisher is None and len(speakers) > 1:
        raise AskedWrongError(f"publisher: several speak for {wanted.thing}: {' '.join(speakers)}")
    return wanted.publisher or speakers[0]


async def _may(request: Request, identifier: str) -> tuple[Asker, City]:
    """Whoever operates the command's center; for others it is not there."""
    asker, city = asker_of(request), city_of(request)
    asker.must_anywhere("operate")
    try:
        found = await asyncio.to_thread(city.commands.find, identifier)
    except NoCommandError as error:
        raise NotThereError(str(error)) from None
    asker.must("operate", found.wish.center)
    return asker, city


async def _answer(act: Callable[[CommandBook], Command], city: City) -> Response:
    try:
        return as_json(_shown(await asyncio.to_thread(act, city.commands)))
    except CommandError as error:
        raise AskedWrongError(str(error)) from None


def _shown(one: Command) -> dict[str, Any]:
    wish = one.wish
    return {
        "id": one.id,
        "status": one.status(now()),
        "center": wish.center,
        "publisher": wish.publisher,
        "thing": wish.thing,
        "name": wish.name,
        "arguments": wish.arguments,
        "reason": wish.reason,
        "valid_for": wish.valid_for // 1000,
        "asked_by": one.asked_by,
        "asked": one.asked,
        "approved_by": one.approved_by,
        "approved": one.approved,
        "withdrawn_by": one.withdrawn_by,
        "expires": one.expires if one.approved is not None else None,
        "results": one.results,
    }
