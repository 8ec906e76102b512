"""How long does a line of InfluxDB's protocol take, beside the ``Point`` of InfluxDB's own client?

``python -m collector.bench.lines`` prints it.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from influxdb_client.client.write.point import Point

from collector.compiled import library
from collector.influx.lines import C_SOURCE, MEASUREMENT, LineMaker
from collector.observation import Observation, Series
from collector.series.batch import MARKS, Batch
from collector.series.series_table import SeriesTable

ROUNDS = 7
LINES = 5_000
_Point: Any = Point  # it has no types


class Times(NamedTuple):
    """Microseconds per line, median of interleaved rounds; all four make the same lines."""

    point: float
    """A Point is made and becomes a line."""
    point_line: float
    """The Point is there already."""
    ours: float
    ours_marked: float
    """Every observation has a source, and every tenth a quality."""


def measure() -> Times:
    plain, marked = _batch(is_marked=False), _batch(is_marked=True)
    observations = list(plain)
    points = [_point(one) for one in observations]
    maker, other_maker = (LineMaker(batch.table, library(C_SOURCE)) for batch in (plain, marked))
    ways: tuple[Callable[[], object], ...] = (
        lambda: "\n".join(_point(one).to_line_protocol() for one in observations).encode(),
        lambda: "\n".join(point.to_line_protocol() for point in points).encode(),
        lambda: maker.lines_of(plain),
        lambda: other_maker.lines_of(marked),
    )
    rounds = [[_time(way) for way in ways] for _ in range(ROUNDS)]
    return Times(*(statistics.median(column) for column in zip(*rounds, strict=True)))


def _batch(*, is_marked: bool) -> Batch:
    series = [Series(f"wm-{number:08}", "water_volume") for number in range(1_000)]
    return Batch.of(
        SeriesTable(series),
        [
            Observation(
                series[number * 7919 % 1_000],
                1_795_392_000_000 + number,
                round(500 + number * 0.137, 3),
                "suspect" if is_marked and number % 10 == 0 else "",
                "",
                f"ELS-{number % 500}" if is_marked else "",
            )
            for number in range(LINES)
        ],
    )


def _point(one: Observation) -> Any:
    point = _Point(MEASUREMENT).tag("period", str(one.series.period)).tag("quantity", one.series.quantity)
    point.tag("thing", one.series.thing).field("number", one.value)
    for name in MARKS:
        point.field(name, getattr(one, name))
    return point.time(one.at, "ms")


def _time(way: Callable[[], object]) -> float:
    started = time.perf_counter()
    way()
    return (time.perf_counter() - started) / LINES * 1e6


def main() -> None:
    times = measure()
    print("one line of 3 tags and 5 fields           µs  faster than Point")  # noqa: T201
    for name, value in (
        ("influxdb-client, Point to line", times.point),
        ("influxdb-client, to_line_protocol alone", times.point_line),
        ("collector.influx.lines", times.ours),
        ("collector.influx.lines, with marks", times.ours_marked),
    ):
        print(f"{name:40}{value:6.2f}  {times.point / value:5.1f} ×")  # noqa: T201


if __name__ == "__main__":
    main()
