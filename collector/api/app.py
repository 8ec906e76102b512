"""What does the collector serve over HTTP? SensorThings, bulk data, live events, operations and the page."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from sqlalchemy.exc import DBAPIError
from starlette.middleware.trustedhost import TrustedHostMiddleware

from collector.access import ForbiddenError, UnauthenticatedError
from collector.access.rates import Rates
from collector.api import (
    batches,
    catalog,
    changes,
    commands,
    description,
    events,
    figures,
    indicators,
    last,
    operations,
    publishers,
    rights,
    series,
    standard,
    things,
)
from collector.api.catalog import Catalogs
from collector.api.description import REFUSALS
from collector.api.formats import NotAcceptableError
from collector.api.gate import Gate, Identify
from collector.api.listing import Listings
from collector.api.parts import Parts
from collector.city import City
from collector.ingest import Ingest
from collector.refusals import AskedWrongError, ConflictError, NotForHereError, NotThereError, TooLargeError
from collector.store import NotOfferedError, StoreError

log = logging.getLogger("collector.api")

WEB = Path(__file__).parent.parent / "web"


HOSTS = ("localhost", "127.0.0.1", "[::1]", "testserver")


class Rules(NamedTuple):
    """Whom the application takes in. ``known`` and ``unknown`` bound how often one asks; None: ever so often."""

    identify: Identify
    known: Rates | None = None
    unknown: Rates | None = None
    hosts: Sequence[str] = HOSTS
    """By which names the application may be asked."""


def create_app(city: City, rules: Rules, ingest: Ingest | None = None) -> FastAPI:
    """The application of one city; ``ingest`` is the one that takes its messages, where any are taken."""
    app = FastAPI(title="Senzorika", version="0.1.0", docs_url=None, redoc_url=None)
    app.state.city = city
    app.state.ingest = ingest or Ingest(city)
    app.state.parts = Parts()
    app.state.listings = Listings()
    app.state.catalogs = Catalogs()
    app.add_middleware(Gate, identify=rules.identify, audit=city.access.audit, known=rules.known, unknown=rules.unknown)
    # A page of the open web that resolves its own name to the loopback must not read the city.
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(rules.hosts))
    for part in (  # what is asked most stands first: routes are tried in this order
        series,
        last,
        batches,
        standard,
        changes,
        things,
        figures,
        indicators,
        events,
        catalog,
        operations,
        publishers,
        rights,
        commands,
        description,
    ):
        app.include_router(part.router, responses=REFUSALS)
    app.add_exception_handler(AskedWrongError, _refusal(400))
    app.add_exception_handler(UnauthenticatedError, _refusal(401))
    app.add_exception_handler(ForbiddenError, _refusal(403))
    app.add_exception_handler(NotThereError, _refusal(404))
    app.add_exception_handler(NotForHereError, _refusal(405))
    app.add_exception_handler(NotAcceptableError, _refusal(406))
    app.add_exception_handler(ConflictError, _refusal(409))
    app.add_exception_handler(TooLargeError, _refusal(413))
    app.add_exception_handler(NotOfferedError, _refusal(501))
    app.add_exception_handler(StoreError, _refusal(503))
    app.add_exception_handler(DBAPIError, _unavailable)
    app.mount("/", StaticFiles(directory=WEB, html=True), name="web")
    return app


def _refusal(status: int):  # type: ignore[no-untyped-def]  # Starlette's own type for handlers can't name our exceptions  # noqa: ANN202
    def refuse(_request: Request, error: Exception) -> Response:
        return JSONResponse({"code": status, "type": "error", "message": str(error)}, status)

    return refuse


def _unavailable(_request: Request, error: Exception) -> Response:
    """What the database says may name its tables: the log is told, whoever asks is not."""
    log.warning("metadata: %s", error)
    message = "the tables beside the observations can't be written now; the same may be asked again"
    return JSONResponse({"code": 503, "type": "error", "message": message}, 503)
