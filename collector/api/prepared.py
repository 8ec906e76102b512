"""Which questions were just asked, word for word? They need not be read again: a dashboard asks the same all day."""

from collections import OrderedDict
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

MOST = 1_000  # questions
LONGEST = 1_000  # bytes of one

Endpoint = Callable[..., Coroutine[Any, Any, Response]]


class Prepared(APIRoute):
    """A route whose parameters come from path and query alone. What was read once from the same words is taken again.

    Reading them costs more than answering: FastAPI looks at every parameter of the model for each request.
    """

    def __init__(self, path: str, endpoint: Endpoint, **more: Any) -> None:
        self._read: OrderedDict[tuple[str, bytes], dict[str, Any]] = OrderedDict()
        self._plain = endpoint

        @wraps(endpoint)
        async def noting(**given: Any) -> Response:
            self._keep(given)
            return await endpoint(**given)

        super().__init__(path, noting, **more)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's own, for words that were not read yet."""
        reading = super().get_route_handler()

        async def handle(request: Request) -> Response:
            words = _words(request)
            given = self._read.get(words)
            if given is None:
                return await reading(request)
            self._read.move_to_end(words)
            return await self._plain(request=request, **given)

        return handle

    def _keep(self, given: dict[str, Any]) -> None:
        words = _words(given["request"])
        if len(words[1]) > LONGEST:
            return
        self._read[words] = {name: one for name, one in given.items() if name != "request"}
        if len(self._read) > MOST:
            self._read.popitem(last=False)


def _words(request: Request) -> tuple[str, bytes]:
    return request.scope["path"], request.scope["query_string"]
