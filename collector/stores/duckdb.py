"""How are observations kept in one file that answers quickly? DuckDB: no key, an anti-join for what may be repeated."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb
import msgspec
import pyarrow as pa
from msgspec.structs import replace

from collector.newest import Newest
from collector.observation import Observation, Series, Value, kind_of, split_finite
from collector.query import Comparison, Query
from collector.stores import Added, StoreError

# "at" is a reserved word of DuckDB, therefore the quotes.
_TABLES = """
create table if not exists series (id integer not null, thing varchar not null, quantity varchar not null,
    period bigint not null);
create table if not exists observation (series integer not null, "at" bigint not null, number double, text varchar,
    quality varchar not null, censored varchar not null, source varchar not null, derived varchar not null,
    known bigint not null);
"""
_BATCH = pa.schema(
    [("series", pa.int32()), ("at", pa.int64()), ("number", pa.float64()), ("text", pa.string())]
    + [(name, pa.string()) for name in ("quality", "censored", "source", "derived")]
    + [("known", pa.int64())]
)
_INSERT = "insert into observation select * from batch"
_NOT_KEPT = """
select position from batch where not exists (
    select 1 from observation kept
    where kept."at" between ? and ? and kept.series = batch.series and kept."at" = batch."at"
    and kept.number is not distinct from batch.number and kept.text is not distinct from batch.text
    and kept.quality = batch.quality and kept.censored = batch.censored and kept.source = batch.source)
order by position"""
_NEWEST = """
select max_by(observation, {'at': "at", 'known': known}) from observation group by series"""
_JUDGED = "case when quality <> '' then quality when derived <> '' then 'suspect' else 'valid' end"
_FIELDS = ('"at"', "number", "text", "quality", "censored", "source", "derived", "known")


def open_url(rest: str, folder: Path) -> "DuckdbStore":
    """``duckdb:observations.duckdb``, relative to the data directory."""
    if not rest:
        raise ValueError("duckdb: expected a file name, as in duckdb:observations.duckdb")
    return DuckdbStore(folder / rest)


class DuckdbStore:
    """One connection writes; every query has a cursor of its own. A second process cannot open the file."""

    keeps_versions = True

    def __init__(self, file: Path) -> None:
        with _as_store_error():
            # One thread is the calmer setting: a heavy query then leaves the commits their time.
            self._writer = duckdb.connect(str(file), config={"threads": 1})
            self._writer.execute(_TABLES)
            rows = self._writer.execute("select id, thing, quantity, period from series").fetchall()
            self._ids = {Series(thing, quantity, period): number for number, thing, quantity, period in rows}
            self._newest = Newest(self._read_newest())
            self._warm_up()
        self._cursors = Lock()  # DuckDB's connection may make cursors for one thread at a time

    def add(self, observations: Sequence[Observation], now: int) -> Added:
        observations, refused = split_finite(observations)
        fresh, doubtful = self._newest.split(observations)
        known = max(now, self._newest.known + 1)
        new = dict.fromkeys(one.series for one in fresh if one.series not in self._ids)
        ids = {series: len(self._ids) + number for number, series in enumerate(new, 1)}
        with _as_store_error():
            self._writer.begin()
            try:
                for series, number in ids.items():
                    self._writer.execute("insert into series values (?, ?, ?, ?)", [number, *series])
                number_of = {**self._ids, **ids} if ids else self._ids
                kept = [replace(one, known=known) for one in fresh]
                self._insert(kept, number_of)
                versions = self._not_kept(doubtful, number_of, known + 1)
                self._insert(versions, number_of)
                self._writer.commit()
            except BaseException:
                self._roll_back()
                raise
        self._ids.update(ids)
        kept += versions
        self._newest.take(kept)
        return Added(kept, refused)

    def latest(self) -> dict[Series, Observation]:
        return self._newest.copy()

    def last(self, series: Series) -> Observation | None:
        return self._newest.get(series)

    def open_rows(self, query: Query) -> "_Rows":
        sql, parameters = _select(query, self._ids.get(query.series, 0))
        direction = "desc" if query.descending else "asc"
        first = f"{_value_column(query.series)} {direction}, " if query.order == "value" else ""
        sql += f' order by {first}"at" {direction}, known {direction}'
        if query.limit is not None:
            sql += f" limit {int(query.limit)}"
        sql += f" offset {int(query.offset)}"
        with _as_store_error(), self._cursors:
            return _Rows(self._writer.cursor(), query.series, sql, parameters)

    def count(self, query: Query) -> int:
        sql, parameters = _select(query, self._ids.get(query.series, 0))
        with self._cursors:
            cursor = self._writer.cursor()
        with _as_store_error(), cursor:
            row = cursor.execute(f"select count(*) from ({sql})", parameters).fetchone()  # noqa: S608  # see _select
        return int(row[0]) if row else 0

    def close(self) -> None:
        with _as_store_error():
            self._writer.close()  # writes the log into the file

    def _insert(self, observations: list[Observation], number_of: dict[Series, int]) -> None:
        if observations:
            with self._batch(_table(observations, number_of)):
                self._writer.execute(_INSERT)

    @contextmanager
    def _batch(self, table: pa.Table) -> Iterator[None]:
        """The observations as the table ``batch``: by way of Arrow, at a fifth of the cost of parameters."""
        self._writer.register("batch", table)
        try:
            yield
        finally:
            self._writer.unregister("batch")

    def _not_kept(self, doubtful: list[Observation], number_of: dict[Series, int], known: int) -> list[Observation]:
        """What of these is a new version, each identity's versions known one after the other, from ``known`` on."""
        once = list({(one.series, one.at, one.content): one for one in doubtful}.values())
        if not once:
            return []
        times = [one.at for one in once]
        table = _table(once, number_of).append_column("position", pa.array(range(len(once)), pa.int32()))
        with self._batch(table):
            positions = self._writer.execute(_NOT_KEPT, [min(times), max(times)]).fetchall()
        seen: dict[tuple[Series, int], int] = {}
        versions = []
        for (position,) in positions:
            one = once[position]
            before = seen.get((one.series, one.at), 0)
            seen[one.series, one.at] = before + 1
            versions.append(replace(one, known=known + before))
        return versions

    def _read_newest(self) -> Iterator[Observation]:
        series_of = {number: series for series, number in self._ids.items()}
        for (row,) in self._writer.execute(_NEWEST).fetchall():
            yield _observation(series_of[row["series"]])(tuple(row[name.strip('"')] for name in _FIELDS))

    def _warm_up(self) -> None:
        """The first insert of a process costs a third of a second: pay before the first reading waits for it."""
        series = Series("warm-up", "temperature")
        self._writer.begin()
        self._insert([Observation(series, 0, 0.0)], {series: 0})
        self._not_kept([Observation(series, 0, 0.0)], {series: 0}, 0)
        self._writer.rollback()

    def _roll_back(self) -> None:
        try:
            self._writer.rollback()
        except duckdb.TransactionException:
            return  # a COMMIT that failed has already rolled back


class _Rows:
    def __init__(self, cursor: duckdb.DuckDBPyConnection, series: Series, sql: str, parameters: list[Any]) -> None:
        self._cursor = cursor
        self._statement: tuple[str, list[Any]] | None = (sql, parameters)
        self._observation = _observation(series)

    def fetch(self, count: int) -> list[Observation]:
        with _as_store_error():
            if self._statement:
                self._cursor.execute(*self._statement)
                self._statement = None
            return list(map(self._observation, self._cursor.fetchmany(count)))

    def interrupt(self) -> None:
        self._cursor.interrupt()

    def close(self) -> None:
        self._cursor.close()


@contextmanager
def _as_store_error() -> Iterator[None]:
    try:
        yield
    except (duckdb.FatalException, duckdb.InternalException):
        raise  # the database is unusable in this process: end it and start again
    except duckdb.Error as error:
        raise StoreError(f"duckdb: {str(error).splitlines()[0]}") from error


def _table(observations: Sequence[Observation], number_of: dict[Series, int]) -> pa.Table:
    numbers: list[float | None] = []
    texts: list[str | None] = []
    for one in observations:
        value = one.value
        numbers.append(value if isinstance(value, (int, float)) else None)
        texts.append(value if isinstance(value, str) else _json(value) if isinstance(value, tuple) else None)
    columns: tuple[list[Any], ...] = (
        [number_of[one.series] for one in observations],
        [one.at for one in observations],
        numbers,
        texts,
        [one.quality for one in observations],
        [one.censored for one in observations],
        [one.source for one in observations],
        [one.derived for one in observations],
        [one.known for one in observations],
    )
    return pa.table(list(columns), schema=_BATCH)


def _json(position: tuple[float, ...]) -> str:
    return msgspec.json.encode(position).decode()


def _observation(series: Series) -> Callable[[tuple[Any, ...]], Observation]:
    kind = kind_of(series.quantity)

    def read(row: tuple[Any, ...]) -> Observation:
        at, number, text, *rest = row
        value: Value = number if kind.is_number else text
        if kind.kind == "flags":
            value = int(number)
        elif kind.kind == "position":
            value = tuple(msgspec.json.decode(text, type=list[float]))
        return Observation(series, at, value, *rest)

    return read


def _value_column(series: Series) -> str:
    kind = kind_of(series.quantity)
    return "number" if kind.is_number or kind.kind == "flags" else "text"


def _select(query: Query, number: int) -> tuple[str, list[Any]]:
    """The rows of a query, without order and limit. Names and operators come from our own closed lists."""
    conditions, parameters = ["series = ?"], [number]
    for text, operand in (('"at" >= ?', query.since), ('"at" < ?', query.until), ("known <= ?", query.as_of)):
        if operand is not None:
            conditions.append(text)
            parameters.append(operand)
    sql = f"select {', '.join(_FIELDS)} from observation where {' and '.join(conditions)}"  # noqa: S608  # see above
    if query.versions == "latest":
        sql += ' qualify row_number() over (partition by "at" order by known desc) = 1'
    if query.where:
        tests, operands = zip(*(_condition(one, query.series) for one in query.where), strict=True)
        sql = f"select * from ({sql}) where {' and '.join(tests)}"  # noqa: S608  # see above
        parameters += [operand for several in operands for operand in several]
    return sql, parameters


_OPERATORS = {"==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


def _condition(one: Comparison, series: Series) -> tuple[str, Iterable[Any]]:
    column = {"at": '"at"', "quality": f"({_JUDGED})", "value": _value_column(series)}[one.field]
    is_text = column not in ('"at"', "number")
    if is_text != isinstance(one.operand, str) or (
        one.field == "value" and kind_of(series.quantity).kind == "position"
    ):
        return "false", ()  # text never compares with a number
    return f"{column} {_OPERATORS[one.operator]} ?", (one.operand,)
