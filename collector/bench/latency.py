"""How long from publishing until everyone can read it, when the town is calm and when somebody asks for a year?"""

import asyncio
import math
import os
import sys
import time
from contextlib import AsyncExitStack, aclosing, suppress
from pathlib import Path

from collector.bench.storing import NOW, YEAR, points
from collector.bench.town import PUBLISHERS, town
from collector.city import City, open_city
from collector.config import load_config
from collector.entities.inventory import load_inventory
from collector.ingest import Ingest
from collector.receive import Receiver
from collector.series.aggregation import Aggregation
from collector.store import StoreError

SECONDS = 6.0
HISTORY = 2_000_000  # observations that a query of a year reads


async def measure(port: int, rate: float) -> dict[str, tuple[float, float]]:
    """What -> (p50, p99) in ms, at ``rate`` messages a second in all."""
    async with town("nats", port) as file, AsyncExitStack() as stack:
        config = load_config(file)
        city = open_city(load_inventory(config.inventory), config.data, "duckdb:observations.duckdb")
        stack.callback(city.store.close)
        for batch in points(city.store.table, HISTORY):
            await asyncio.to_thread(city.store.add, batch, NOW)
        running = asyncio.create_task(Receiver(city, Ingest(city), config.broker).run())
        while not city.metrics.counts["connections_total"]:  # noqa: ASYNC110  # it counts what a broker does
            await asyncio.sleep(0.01)
        rows = {"fdatasync of 4 KiB alone": await asyncio.to_thread(_fdatasync, config.data)}
        rows["nobody asks"] = await _paced(file, city, rate)
        asking = asyncio.create_task(_ask_for_a_year(city))
        rows["somebody asks for a year of the city, again and again"] = await _paced(file, city, rate)
        for task in (asking, running):
            task.cancel()
            with suppress(asyncio.CancelledError, StoreError):
                await task
        return rows


async def _paced(file: Path, city: City, rate: float) -> tuple[float, float]:
    """Publish at a pace, each message with the time it was sent (see ``pace``); look when the collector tells of it."""
    seen: list[float] = []
    messages = int(rate * SECONDS) // len(PUBLISHERS) * len(PUBLISHERS)
    command = ("-m", "collector.bench.pace", str(file), str(rate), str(messages))
    sending = await asyncio.create_subprocess_exec(sys.executable, *command)
    with city.feed.subscribe() as stored:
        batches = aiter(stored)
        async with asyncio.timeout(SECONDS * 10):
            while len(seen) < messages:
                several = await anext(batches)
                now = time.time()
                seen += [
                    now * 1000 - one.at - one.value
                    for one in several
                    if one.series.quantity == "distance" and isinstance(one.value, float)
                ]
    await sending.wait()
    seen = sorted(seen[len(seen) // 10 :])  # the first are warm-up
    return seen[len(seen) // 2], seen[math.ceil(len(seen) * 0.99) - 1]


async def _ask_for_a_year(city: City) -> None:
    question = Aggregation("temperature", "hour", NOW - YEAR, NOW, together=True, figures=frozenset({"mean"}))
    while True:
        async with aclosing(city.reader.aggregates(question)) as answer:
            async for _ in answer:
                pass


def _fdatasync(folder: Path) -> tuple[float, float]:
    times = []
    with (folder / "sync").open("wb") as file:
        for _ in range(300):
            file.write(b"x" * 4096)
            file.flush()
            started = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - started) * 1000)
    times.sort()
    return times[150], times[297]
