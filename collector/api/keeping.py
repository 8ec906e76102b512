"""How long may an answer be kept, and is it still the same? ETag, Cache-Control and Vary of what leaves in bulk."""

import secrets
from collections.abc import Hashable
from hashlib import blake2b

from fastapi import Request, Response

_START = secrets.token_hex(8)  # revisions count from the start of the process
_VARY = "Accept, Authorization"


def kept_by_all(*about: Hashable, revision: int | None) -> dict[str, str]:
    """Headers of an open answer: to be asked for again each time, which costs nothing while it is the same.

    ``about`` is all that the answer depends on beside the observations that ``revision`` stands for; None: no tag.
    """
    headers = {"Cache-Control": "public, no-cache", "Vary": _VARY}
    if revision is not None:
        digest = blake2b(repr((_START, about, revision)).encode(), digest_size=12)
        headers["ETag"] = f'"{digest.hexdigest()}"'
    return headers


def kept_by_nobody() -> dict[str, str]:
    """Headers of what is not open to anyone."""
    return {"Cache-Control": "private, no-store", "Vary": _VARY}


def unchanged(request: Request, headers: dict[str, str]) -> Response | None:
    """304 where the client has this very answer already (RFC 9110 13.1.2)."""
    tag = headers.get("ETag")
    given = request.headers.get("if-none-match", "")
    if tag is None or not given:
        return None
    tags = {one.strip().removeprefix("W/") for one in given.split(",")}
    return Response(status_code=304, headers=headers) if tag in tags or "*" in tags else None
