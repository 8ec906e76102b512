"""How fast is InfluxDB 1.6 by itself? Lines that were made before, over two connections: nothing else runs."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from queue import SimpleQueue

import numpy as np

from collector.batch import Batch
from collector.bench.receiving import Figures
from collector.bench.town import PUBLISHERS, things_of
from collector.influx.lines import LineMaker
from collector.observation import Series
from collector.series_table import SeriesTable
from collector.stores.influx import LINES

NOW = 1_795_392_000_000
PERIOD = 50  # ms between two points of a series
CONNECTIONS = 2  # as the store has
TICKS = 100  # a second, in which Linux counts CPU time


def measure(port: int, points: int, process: int) -> Figures:
    """Points a second, and µs CPU of influxd (``process``) a point. The collector writes the same lines."""
    bodies = list(_bodies(points))
    idle: SimpleQueue[HTTPConnection] = SimpleQueue()
    for _ in range(CONNECTIONS):
        idle.put(HTTPConnection("127.0.0.1", port))
    _ask(idle, "/query?q=create+database+alone", b"")
    worked, started = _cpu(process), time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        for _ in threads.map(lambda body: _ask(idle, "/write?db=alone&precision=ms", body), bodies):
            pass
    seconds, cpu = time.perf_counter() - started, _cpu(process) - worked
    while not idle.empty():
        idle.get().close()
    return Figures(points / seconds, cpu / points * 1e6)


def _bodies(points: int) -> Iterator[bytes]:
    """What the load of ``receiving`` becomes."""
    table = SeriesTable(Series(thing, "distance") for one in PUBLISHERS for thing in things_of(one))
    maker = LineMaker(table)
    for start in range(0, points, LINES[1]):
        number = np.arange(start, min(start + LINES[1], points))
        series = (number % len(table)).astype(np.int32)
        batch = Batch(table, series, NOW + number // len(table) * PERIOD, np.round(0.4 + number % 997 / 1000, 3))
        yield maker.lines_of(batch, np.ones(len(number), np.bool_))


def _ask(idle: SimpleQueue[HTTPConnection], path: str, body: bytes) -> None:
    connection = idle.get()
    connection.request("POST", path, body)
    answer = connection.getresponse()
    answer.read()
    idle.put(connection)
    if answer.status not in (200, 204):
        raise RuntimeError(f"{path}: {answer.status}")


def _cpu(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
