"""How many messages a second are published, committed and acknowledged, and what does one cost, beside others?"""

import asyncio
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import NamedTuple

from collector.bench.receivers import Counter
from collector.bench.town import PUBLISHERS
from collector.config import CollectorConfig, load_config

Way = Callable[[CollectorConfig], AbstractAsyncContextManager[Counter]]


class Figures(NamedTuple):
    """Medians of the rounds."""

    rate: float
    """Messages a second."""
    cpu: float
    """µs of this process a message."""


async def measure(
    file: Path, ways: dict[str, Way], messages: int, readings: int, rounds: int = 3
) -> dict[str, Figures]:
    """Every way in turn, each round anew, under the same load from another process."""
    config = load_config(file)
    found: dict[str, list[Figures]] = {name: [] for name in ways}
    first = 0
    messages -= messages % len(PUBLISHERS)
    for _ in range(rounds):
        for name, way in ways.items():
            async with way(config) as count:
                found[name].append(await _flood(file, first, messages, readings, count))
            first += messages
    return {
        name: Figures(*(statistics.median(column) for column in zip(*several, strict=True)))
        for name, several in found.items()
    }


async def _flood(file: Path, first: int, messages: int, readings: int, count: Counter) -> Figures:
    load = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "collector.bench.load", str(file), str(first), str(messages), str(readings)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    if not load.stdin or not load.stdout or await load.stdout.readline() != b"ready\n":
        raise RuntimeError("the load did not start")
    before, started, worked = count(), time.perf_counter(), time.process_time()
    load.stdin.write(b"go\n")
    async with asyncio.timeout(120):
        while count() - before < messages:  # noqa: ASYNC110  # it counts what a broker delivers
            await asyncio.sleep(0.005)
    seconds, cpu = time.perf_counter() - started, time.process_time() - worked
    await load.wait()
    return Figures(messages / seconds, cpu / messages * 1e6)
