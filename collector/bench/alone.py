"""How fast is InfluxDB 1.6 by itself? The store's own requests, their lines made before: nothing else runs."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from collector.bench.growing import memory
from collector.bench.town import PUBLISHERS, things_of
from collector.compiled import library
from collector.influx.address import parse_address
from collector.influx.connection import InfluxConnection
from collector.influx.lines import C_SOURCE, LineMaker
from collector.influx.writing import Writers
from collector.observation import Series
from collector.series.batch import Batch
from collector.series.series_table import SeriesTable
from collector.stores.influx import LINES

NOW = 1_795_392_000_000
PERIOD = 50  # ms between two points of a series
TICKS = 100  # a second, in which Linux counts CPU time


class Alone(NamedTuple):
    rate: float
    """Points a second."""
    cpu: float
    """µs of influxd a point."""
    peak: float
    """MB that it ever held in memory."""


def measure(port: int, points: int, process: int) -> Alone:
    """``process``: of influxd."""
    bodies = list(_bodies(points))
    address = parse_address(f"//127.0.0.1:{port}/alone", Path())
    connection, writers = InfluxConnection(address), Writers(address)
    connection.create_database()
    worked, started = _cpu(process), time.perf_counter()
    refused = writers.write(bodies)
    seconds, cpu = time.perf_counter() - started, _cpu(process) - worked
    writers.close()
    connection.close()
    if any(refused):
        raise RuntimeError("a good line was refused")
    return Alone(points / seconds, cpu / points * 1e6, memory("VmHWM", process))


def _bodies(points: int) -> Iterator[bytes]:
    """What the load of ``receiving`` becomes."""
    table = SeriesTable(Series(thing, "distance") for one in PUBLISHERS for thing in things_of(one))
    maker = LineMaker(table, library(C_SOURCE))
    for start in range(0, points, LINES[1]):
        number = np.arange(start, min(start + LINES[1], points))
        series = (number % len(table)).astype(np.int32)
        batch = Batch(table, series, NOW + number // len(table) * PERIOD, np.round(0.4 + number % 997 / 1000, 3))
        yield maker.lines_of(batch, np.ones(len(number), np.bool_))


def _cpu(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
