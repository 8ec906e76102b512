"""How is an answer of DuckDB read: row by row, or in columns, which never become objects?"""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import duckdb
import numpy as np
import pyarrow as pa

from collector.embedded.marks import WORDS, judged
from collector.embedded.questions import Statement
from collector.observation import Series, kind_of
from collector.series.batch import read_position
from collector.series.columns import CENSORED, JUDGED, censored_column, judged_column, schema_of, value_type
from collector.store import StoreError

Row = TypeVar("Row")
Ask = Callable[[duckdb.DuckDBPyConnection], Statement]

_judged_of_mark = np.array([JUDGED.index(judged(mark)) for mark in range(len(WORDS))], np.int8)
_censored_of_mark = np.array([CENSORED.index(censored) for _, censored, _ in WORDS], np.int8)


class Rows(Generic[Row]):
    """Where observations lie and which they are is seen in one snapshot, that of the first ``fetch``."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, ask: Ask, read: Callable[[tuple[Any, ...]], Row]) -> None:
        self._cursor = cursor
        self._ask: Ask | None = ask
        self._read = read

    def fetch(self, count: int) -> list[Row]:
        with as_store_error():
            if self._ask:
                self._cursor.begin()
                self._cursor.execute(*self._ask(self._cursor))
                self._ask = None
            return list(map(self._read, self._cursor.fetchmany(count)))

    def interrupt(self) -> None:
        self._cursor.interrupt()

    def close(self) -> None:
        self._cursor.close()


class Columns:
    """As ``Rows``, of one series, straight from DuckDB's own Arrow batches of ``questions.fields_in_columns``."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, ask: Ask, series: Series) -> None:
        self._cursor = cursor
        self._ask = ask
        self._series = series
        self._schema = schema_of(series)
        self._batches: Iterator[Any] | None = None

    def fetch(self, count: int) -> Any:
        with as_store_error():
            if self._batches is None:
                self._cursor.begin()
                sql, parameters = self._ask(self._cursor)
                self._batches = self._cursor.sql(sql, params=parameters).to_arrow_reader(count)
            try:
                batch = next(self._batches, None)
            except pa.ArrowException as error:  # how DuckDB's own errors come through Arrow's reader
                raise StoreError(f"duckdb: {str(error).splitlines()[0]}") from error
        if batch is None:
            return pa.RecordBatch.from_pylist([], self._schema)
        at, value, source, mark, known = batch.columns
        marks = mark.to_numpy()
        arrays = [
            at,
            self._values(value),
            judged_column(_judged_of_mark[marks]),
            censored_column(_censored_of_mark[marks]),
            source,
            known,
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)

    def _values(self, stored: Any) -> Any:
        kind = kind_of(self._series.quantity)
        if kind.kind == "position":
            return pa.array([read_position(one) for one in stored.to_pylist()], value_type(kind))
        return stored.cast(value_type(kind))

    def interrupt(self) -> None:
        self._cursor.interrupt()

    def close(self) -> None:
        self._batches = None  # a reader holds its connection
        self._cursor.close()


@contextmanager
def as_store_error() -> Generator[None]:
    """What DuckDB says went wrong, as StoreError."""
    try:
        yield
    except (duckdb.FatalException, duckdb.InternalException):
        raise  # the database is unusable in this process: end it and start again
    except duckdb.Error as error:
        raise StoreError(f"duckdb: {str(error).splitlines()[0]}") from error
