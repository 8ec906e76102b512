"""How does a route reach the city, and how does it answer quickly?"""

from typing import Any

import msgspec
from fastapi import Request, Response

from collector.city import City
from collector.view import View


def city_of(request: Request) -> City:
    """All there is, for what is no observation; readings are asked of ``view_of``."""
    city: City = request.app.state.city
    return city


def view_of(request: Request) -> View:
    """What the one who asks may see. Raises UnauthenticatedError."""
    return View(city_of(request), request.app.state.identify(request))


def as_json(content: Any) -> Response:
    """JSON without a detour over validation: what we send is ours."""
    return Response(msgspec.json.encode(content), media_type="application/json")
