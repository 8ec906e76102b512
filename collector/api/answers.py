"""How does a route reach the city, and how does it answer quickly?"""

from collections.abc import Mapping
from typing import Any

import msgspec
from fastapi import Request, Response

from collector.access.asker import Asker
from collector.city import City
from collector.view import View


def city_of(request: Request) -> City:
    """All there is, for what is no observation; readings are asked of ``view_of``."""
    city: City = request.app.state.city
    return city


def view_of(request: Request) -> View:
    """What the one who asks may see."""
    return View(city_of(request), asker_of(request), request.state.reads)


def asker_of(request: Request) -> Asker:
    """Who came through the gate."""
    asker: Asker = request.state.asker
    return asker


def as_json(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON without a detour over validation: what we send is ours."""
    return Response(msgspec.json.encode(content), status, headers, media_type="application/json")
