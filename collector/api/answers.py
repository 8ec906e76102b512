"""How does a route reach the city, and how does it answer quickly?"""

from typing import Any

import msgspec
from fastapi import Request, Response

from collector.city import City


def city_of(request: Request) -> City:
    city: City = request.app.state.city
    return city


def as_json(content: Any) -> Response:
    """JSON without a detour over validation: what we send is ours."""
    return Response(msgspec.json.encode(content), media_type="application/json")
