"""Who am I, who else may ask, and which centers are there? Signing in, tokens and scope files over HTTP."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from collector.access import UnauthenticatedError, giving
from collector.access.identify import COOKIE
from collector.access.tokens import TokenError, read_grant
from collector.api.answers import as_json, asker_of, city_of
from collector.refusals import AskedWrongError, NotThereError

router = APIRouter()


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewToken(_Strict):
    name: str
    grants: Annotated[list[str], Field(min_length=1, max_length=100)]
    """As ``environment:analyst``."""
    days: int = giving.DAYS
    purpose: Annotated[str, Field(max_length=200)] = ""


@router.get("/api/me", summary="Who asks: name, roles by center, purpose")
async def me(request: Request) -> Response:
    """Without a token the name is empty."""
    asker = asker_of(request)
    grants = sorted(map(str, asker.grants))
    return as_json({"name": asker.name, "grants": grants, "purpose": asker.purpose})


@router.post("/api/session", summary="Keep a token as a cookie of this browser: it can look, and change nothing")
async def sign_in(request: Request) -> Response:
    """The token of the header ``Authorization: Bearer …``, as long as the browser is open."""
    asker = asker_of(request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if not asker.name or scheme.lower() != "bearer":
        raise UnauthenticatedError("authorization: expected Bearer and the token to keep")
    answer = as_json({"name": asker.name})
    secure = request.url.scheme == "https"
    answer.set_cookie(COOKIE, token.strip(), httponly=True, samesite="strict", secure=secure, path="/")
    return answer


@router.delete("/api/session", summary="Forget the cookie")
async def sign_out() -> Response:
    answer = Response(status_code=204)
    answer.delete_cookie(COOKIE, path="/")
    return answer


@router.get("/api/tokens", summary="Every token ever made, without its secret; for admins of every center")
async def tokens(request: Request) -> Response:
    asker_of(request).must("administer")
    return as_json({"tokens": [giving.shown(one) for one in city_of(request).access.tokens.all]})


@router.post("/api/tokens", summary="Make a token; its secret is in this answer and nowhere else")
async def make_token(request: Request, wanted: NewToken) -> Response:
    """Whoever makes one must be admin at every center that it names."""
    asker, access = asker_of(request), city_of(request).access
    try:
        for text in wanted.grants:
            asker.must("administer", read_grant(text, access.policy.centers.names).center)
        made = giving.Wanted(wanted.name, wanted.grants, wanted.days, wanted.purpose)
        secret = await asyncio.to_thread(giving.give, access, asker.name, made)
    except TokenError as error:
        raise AskedWrongError(str(error)) from None
    answer = as_json({"name": wanted.name, "token": secret})
    answer.status_code = 201
    answer.headers["cache-control"] = "no-store"
    return answer


@router.delete("/api/tokens/{name}", summary="Refuse a token from now on")
async def revoke_token(request: Request, name: str) -> Response:
    """Whoever revokes one must be admin at every center that it names."""
    asker, access = asker_of(request), city_of(request).access
    found = next((one for one in access.tokens.all if one.name == name), None)
    if found is None:
        asker.must_anywhere("administer")
        raise NotThereError(f"there is no token {name}")
    for grant in found.grants:
        asker.must("administer", grant.center)
    try:
        await asyncio.to_thread(giving.take_away, access, asker.name, name)
    except TokenError as error:
        raise NotThereError(str(error)) from None
    return Response(status_code=204)


@router.get("/api/centers", summary="The centers: names, areas, what they own, parents and children")
async def centers(request: Request) -> Response:
    known = city_of(request).access.policy.centers
    return as_json({"centers": [_center(name, known[name].model_dump()) for name in known.names]})


def _center(name: str, center: dict[str, Any]) -> dict[str, Any]:
    corners = [list(one) for one in center.pop("area")]
    return {"id": name, **center, "area": {"type": "Polygon", "coordinates": [[*corners, corners[0]]]}}
