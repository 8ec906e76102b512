"""What does the embedded store cost, beside DuckDB used otherwise and InfluxDB 1.6: rows a second, bytes, a query?"""

import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np

from collector.bench.servers import size_of
from collector.embedded.columns import table_of
from collector.influx.address import parse_address
from collector.influx.connection import InfluxConnection
from collector.observation import Series
from collector.series.aggregation import Aggregation
from collector.series.batch import Batch
from collector.series.series_table import SeriesTable
from collector.store import Store
from collector.stores import open_store
from collector.stores.duckdb import DuckdbStore

NOW = 1_795_392_000_000  # 2026-11-23
YEAR = 365 * 24 * 3_600_000
BATCH = 20_000
QUANTITIES = ("temperature", "relative_humidity", "pm2_5", "laeq")
_PLAIN = """create table o (series integer not null, "at" bigint not null, number double, text varchar,
    source varchar not null, mark utinyint not null, known bigint not null{key})"""


def points(table: SeriesTable, count: int) -> Iterator[Batch]:
    """A year of a city in order of time: a thousand things, four quantities, and rounds of all of them."""
    chance = np.random.default_rng(5)
    things = min(1_000, max(1, count // 4 // 200))
    series = np.array(
        [table.number_of(Series(f"node-{thing:04}", name)) for thing in range(things) for name in QUANTITIES], np.int32
    )
    rounds = -(-count // len(series))
    step = YEAR // rounds
    flat = np.tile(series, -(-BATCH // len(series)) + 1)
    for start in range(0, count, BATCH):
        number = np.arange(start, min(start + BATCH, count))
        at = NOW - YEAR + number // len(series) * step + number % len(series) * 7
        offset = start % len(series)
        values = np.round(15 + 10 * np.sin(at / 1.4e10) + chance.normal(0, 2, len(number)), 1)
        yield Batch(table, flat[offset : offset + len(number)], at, values)


def measure(count: int, influx_port: int | None, influx_folder: Path | None) -> Iterator[str]:
    """Rows of a table, as they are measured."""
    yield f"{count:,} points of a year, 4 quantities, in batches of {BATCH:,}          rows/s  beside    B/point"
    with TemporaryDirectory() as folder:
        plain = _duckdb(Path(folder, "plain"), count, "", "insert into o select * from batch")
        yield _row("DuckDB, plain append: repetitions are stored twice", plain, plain)
        store = DuckdbStore(Path(folder, "observations.duckdb"))
        ours = _rate(count, points(store.table, count), lambda batch: store.add(batch, NOW))
        repeated = _rate(5 * BATCH, islice(points(store.table, count), 5), lambda batch: store.add(batch, NOW))
        late = _rate(BATCH, points(store.table, BATCH), lambda batch: store.add(batch, NOW))
        store.close()
        size = Path(folder, "observations.duckdb").stat().st_size / count
        yield _row("this store: each is stored once", ours, plain, size)
        yield _row("this store, what it has already", repeated, plain)
        yield _row("this store, late by up to a year", late, plain)
        few = min(count, 500_000)
        insert = "insert or ignore into o select * from batch"
        keyed = _duckdb(Path(folder, "keyed"), few, ', primary key (series, "at", known)', insert)
        yield _row(f"DuckDB, primary key, insert or ignore ({few:,})", keyed, plain)
        store = DuckdbStore(Path(folder, "observations.duckdb"))
        yield from _sealed(store, Path(folder), count)
        influx: Store | None = None
        if influx_port and influx_folder:
            influx = open_store(f"influx://127.0.0.1:{influx_port}/bench", Path(folder))
            rate = _rate(count, points(influx.table, count), lambda batch: influx.add(batch, NOW))
            _until_settled(influx_folder)
            yield _row("InfluxDB 1.6 through this store's lines", rate, plain, size_of(influx_folder) / count)
        yield "one quantity of the whole city, hourly means of a year              ms  beside"
        ours_ms = _ask(store)
        yield f"{'this store, sealed months':58}{ours_ms:10.0f}    1.00"
        store.close()
        if influx:
            native = _ask_influx(influx_port or 0)
            yield f"{'InfluxDB 1.6, its own InfluxQL: group by time(1h)':58}{native:10.0f}{native / ours_ms:8.2f}"
            influx.close()


def _until_settled(folder: Path) -> None:
    """InfluxDB writes its cache into files, and these into better ones, once nobody writes any more."""
    before, since = 0, time.monotonic()
    while time.monotonic() - since < 15:
        if (now := size_of(folder)) != before:
            before, since = now, time.monotonic()
        time.sleep(1)


def _sealed(store: DuckdbStore, folder: Path, count: int) -> Iterator[str]:
    before = _ask(store)
    started = time.perf_counter()
    store.tend(NOW + 60 * 24 * 3_600_000)
    seconds = time.perf_counter() - started
    size = size_of(folder / "observations.sealed") / count
    yield f"{'rolled up and sealed into Parquet':58}{count / seconds:10,.0f}{'':8}{size:11.2f}"
    yield f"{'hourly means of a year before sealing: ms':58}{before:10.0f}"


def _ask(store: DuckdbStore) -> float:
    question = Aggregation("temperature", "hour", NOW - YEAR, NOW, together=True, figures=frozenset({"mean"}))
    times = []
    for _ in range(3):
        started = time.perf_counter()
        rows = store.open_aggregates(question)
        if not rows.fetch(10_000):
            raise RuntimeError("no answer")
        rows.close()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def _ask_influx(port: int) -> float:
    connection = InfluxConnection(parse_address(f"//127.0.0.1:{port}/bench", Path()), timeout=300)
    when = f"time >= {NOW - YEAR}ms and time < {NOW}ms"
    which = f"quantity = 'temperature' and {when}"
    statement = f"select mean(number) from observation where {which} group by time(1h)"  # noqa: S608
    started = time.perf_counter()
    answer: Any = connection.query(statement)
    seconds = time.perf_counter() - started
    connection.close()
    if not answer:
        raise RuntimeError("no answer")
    return seconds * 1000


def _duckdb(file: Path, count: int, key: str, insert: str) -> float:
    connection = duckdb.connect(str(file), config={"threads": 1})
    connection.execute(_PLAIN.format(key=key))
    table = SeriesTable()

    def add(batch: Batch) -> None:
        connection.begin()
        connection.register("batch", table_of(batch))
        connection.execute(insert)
        connection.unregister("batch")
        connection.commit()

    rate = _rate(count, points(table, count), add)
    connection.close()
    return rate


def _rate(count: int, batches: Iterable[Batch], add: Callable[[Batch], object]) -> float:
    spent = 0.0
    for batch in batches:
        started = time.perf_counter()
        add(batch)
        spent += time.perf_counter() - started
    return count / spent


def _row(name: str, rate: float, plain: float, size: float | None = None) -> str:
    return f"{name:58}{rate:10,.0f}{rate / plain:8.2f}" + (f"{size:11.2f}" if size else "")
