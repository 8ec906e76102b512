"""What answers in the bench of serving? The city with its points, or a peer that has the same points in memory.

Each is a process of its own, on one core, as ``python -m collector.bench.answering city|peer PORT FOLDER``.
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI, Request, Response

from collector.access.asker import ANYONE, Asker
from collector.api.app import Rules, create_app
from collector.city import City, open_city
from collector.entities.inventory import Inventory
from collector.observation import Series
from collector.series.batch import Batch

NOW = 1_795_392_000_000  # 2026-11-23
STEP = 60_000  # ms between two points of a series
POINTS = 10_000  # of a long series
LONG = 100  # series that have so many; all others have their last value only
THINGS = 10_000
PACE = 10_000  # observations a second, while somebody looks on
QUANTITY = "temperature"


def thing(number: int) -> str:
    return f"node-{number:05}"


def values(number: int) -> Any:
    """Of one long series; times in ms UTC."""
    at = NOW - (POINTS - np.arange(POINTS)) * STEP
    return at, np.round(15 + 10 * np.sin(at / 1.4e7 + number) + np.arange(POINTS) % 7 / 10, 1)


def inventory() -> Inventory:
    things = [
        {
            "id": thing(number),
            "name": {"sl": f"Vozlišče {number}", "it": f"Nodo {number}", "en": f"Node {number}"},
            "location": [13.7 + number / 1e5, 45.5],
            "center": "environment",
        }
        for number in range(THINGS)
    ]
    return Inventory.model_validate({"city": "koper", "thing": things})


def filled(folder: Path) -> City:
    """A million points of a week, minute by minute, as they come in."""
    city = open_city(inventory(), folder, "duckdb:observations.duckdb")
    table = city.store.table
    series = np.array([table.number_of(Series(thing(number), QUANTITY)) for number in range(THINGS)], np.int32)
    at = values(0)[0]
    several = np.array([values(number)[1] for number in range(LONG)])
    for begin in range(0, POINTS, 200):
        instants = at[begin : begin + 200]
        city.store.add(
            Batch(
                table,
                np.tile(series[:LONG], len(instants)),
                np.repeat(instants, LONG),
                several[:, begin : begin + 200].T.ravel(),
            ),
            NOW,
        )
    city.store.add(Batch(table, series, np.full(THINGS, NOW), 15 + np.arange(THINGS) % 100 / 10), NOW)
    city.registry.see(table)
    return city


async def _observe(city: City) -> None:
    """Store and publish at the pace while anybody looks on."""
    table = city.store.table
    series = np.array([table.number_of(Series(thing(number), QUANTITY)) for number in range(THINGS)], np.int32)
    each, count = PACE // 20, 0
    due = time.monotonic()
    while True:
        due = max(due + 0.05, time.monotonic() - 1)
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        if not city.feed.subscribers:
            continue
        chosen = series[np.arange(count, count + each) % THINGS]
        now = time.time_ns() // 1_000_000
        batch = Batch(table, chosen, np.full(each, now), np.round(15 + np.arange(each) % 100 / 10, 1))
        count += each
        city.feed.publish((await asyncio.to_thread(city.store.add, batch, now)).kept)


def city_app(folder: Path) -> FastAPI:
    city = filled(folder)

    async def identify(_request: Request) -> Asker:
        return ANYONE

    app = create_app(city, Rules(identify))

    @asynccontextmanager
    async def observed(_app: FastAPI) -> AsyncIterator[None]:
        observing = asyncio.create_task(_observe(city))
        yield
        observing.cancel()

    app.router.lifespan_context = observed
    return app


def peer_app() -> FastAPI:
    """What FastAPI makes of a list of dictionaries, and what it costs to say the same each time."""
    app = FastAPI()
    at, value = values(0)
    names = {"thing": thing(0), "quantity": QUANTITY, "unit": "Cel"}
    marks = {"quality": "valid", "censored": "", "source": "", "known": NOW}
    rows_of = [
        {**names, "at": one, "value": number, **marks} for one, number in zip(at.tolist(), value.tolist(), strict=True)
    ]

    def rows():  # type: ignore[no-untyped-def]  # noqa: ANN202  # as it is written when nobody thinks of speed
        return rows_of

    app.get("/default")(rows)

    @app.get("/annotated")
    def annotated() -> list[dict[str, Any]]:
        return rows_of

    @app.get("/constant/{size}")
    async def constant(size: int) -> Response:
        return Response(b"x" * size, media_type="application/json")

    return app


def main(kind: str, port: int, folder: Path) -> None:
    if sys.platform == "linux":
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    app = city_app(folder) if kind == "city" else peer_app()
    uvicorn.run(app, port=port, log_level="error", access_log=False)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
