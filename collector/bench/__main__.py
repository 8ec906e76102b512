"""Print the measured comparisons as tables: ``python -m collector.bench [--points N] [--messages N]``.

Every figure stands beside a peer that was measured in the same run: compare ratios, not machines.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

from collector.bench import alone, decoding, growing, latency, lines, receivers, receiving, servers, serving, storing
from collector.bench.town import town
from collector.receive import expecting_batches

if sys.platform == "win32":  # as in the collector itself
    from asyncio import new_event_loop
else:
    from uvloop import new_event_loop

Answer = TypeVar("Answer")
INFLUX, VICTORIA = 18_086, 18_428  # ports
KINDS = ("decoding", "lines", "receiving", "latency", "storing", "growing", "serving")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m collector.bench", description=__doc__)
    parser.add_argument("--only", choices=KINDS, nargs="+", default=KINDS)
    parser.add_argument("--messages", type=int, default=100_000, help="per round of a flood (default: %(default)s)")
    parser.add_argument("--points", type=int, default=1_000_000, help="in a store (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="of a flood; the median counts (default: %(default)s)")
    parser.add_argument("--mqtt-port", type=int, default=18_883, help="a free port (default: %(default)s)")
    parser.add_argument("--http-port", type=int, default=18_111, help="and the two after it (default: %(default)s)")
    options = parser.parse_args()
    with expecting_batches():
        for kind in options.only:
            _PARTS[kind](options)
            print(flush=True)


def _decoding(_options: argparse.Namespace) -> None:
    for readings in (1, 10):
        times = decoding.measure(readings)
        print(f"one message of {readings} readings                       µs  faster than json.loads")
        for name, value in times._asdict().items():
            print(f"{decoding.NAMES[name]:40}{value:7.2f}  {times.json / value:5.1f} ×")


def _lines(_options: argparse.Namespace) -> None:
    lines.main()


def _receiving(options: argparse.Namespace) -> None:
    with servers.influx(INFLUX) as influx, servers.victoria(VICTORIA) as victoria:
        ways: dict[str, receiving.Way] = {
            "a subscriber that does nothing": receivers.nothing,
            "collector, DuckDB": receivers.collector("duckdb:observations.duckdb"),
            "paho-mqtt before the same ingest, DuckDB": receivers.paho_collector,
        }
        if victoria:
            ways["paho + json + Point, VictoriaMetrics"] = receivers.script(f"http://127.0.0.1:{VICTORIA}")
        for kind in ("nats", "mosquitto"):
            for readings in (1, 10):
                if influx:  # a database of its own: in one that is not empty, much would come late
                    url = f"influx://127.0.0.1:{INFLUX}/{kind}{readings}"
                    ways["collector, InfluxDB 1.6"] = receivers.collector(url)
                found = _run(_flood(kind, ways, options, readings))
                base = found["a subscriber that does nothing"].rate
                head = f"{kind}, mTLS, QoS 1, {readings} readings a message"
                print(f"{head:44}messages/s  beside nothing     µs CPU each")
                for name, figures in found.items():
                    print(f"{name:44}{figures.rate:10,.0f}{figures.rate / base:14.2f}{figures.cpu:16.1f}", flush=True)
    print(f"{'2 connections, nothing else runs':44}  points/s       peak MB     µs CPU each")
    for gogc in (100, 400):
        with servers.influx(INFLUX, gogc) as influx:
            if influx:
                rate, cpu, peak = alone.measure(INFLUX, 10 * options.messages, influx.process)
                print(f"{f'InfluxDB 1.6 by itself, GOGC={gogc}':44}{rate:10,.0f}{peak:14,.0f}{cpu:16.2f}", flush=True)


async def _flood(
    kind: str, ways: dict[str, receiving.Way], options: argparse.Namespace, readings: int
) -> dict[str, receiving.Figures]:
    async with town(kind, options.mqtt_port) as file:
        return await receiving.measure(file, ways, options.messages, readings, options.rounds)


def _latency(options: argparse.Namespace) -> None:
    way = {"ceiling": receivers.collector("duckdb:observations.duckdb")}
    ceiling = _run(_flood("nats", way, options, 1))["ceiling"].rate
    for rate in (2_000.0, ceiling / 4):
        found = _run(latency.measure(options.mqtt_port, rate))
        head = f"published to queryable at {rate:,.0f} messages/s, linger 50 ms"
        print(f"{head:64}p50 ms    p99 ms")
        for name, (half, most) in found.items():
            print(f"{name:60}{half:10.1f}{most:10.1f}", flush=True)


def _storing(options: argparse.Namespace) -> None:
    with servers.influx(INFLUX) as influx:
        _table(storing.measure(options.points, INFLUX if influx else None, influx.folder if influx else None))


def _growing(options: argparse.Namespace) -> None:
    _table(growing.measure([options.points, 10 * options.points, 50 * options.points]))


def _serving(options: argparse.Namespace) -> None:
    _table(serving.measure(options.http_port))


def _table(rows: Iterable[str]) -> None:
    for row in rows:
        print(row, flush=True)


def _run(task: Coroutine[Any, Any, Answer]) -> Answer:
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(task)


_PARTS: dict[str, Callable[[argparse.Namespace], None]] = {
    "decoding": _decoding,
    "lines": _lines,
    "receiving": _receiving,
    "latency": _latency,
    "storing": _storing,
    "growing": _growing,
    "serving": _serving,
}


if __name__ == "__main__":
    main()
