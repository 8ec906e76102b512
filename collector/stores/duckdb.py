"""How are observations kept in one file that answers quickly? DuckDB: no key, an anti-join for what may be repeated."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb

from collector.analysis.windows import window_at
from collector.embedded import copying, erasing, layout, questions, retention, rollups, sealing
from collector.embedded.answers import Columns, Rows, as_store_error
from collector.embedded.columns import FIELDS, reader_of
from collector.embedded.source import observations as source_of
from collector.embedded.source import of_series, one_row
from collector.embedded.writing import Writing
from collector.observation import Observation, Series, kind_of
from collector.series.aggregation import Aggregate, Aggregation, aggregate
from collector.series.batch import Batch, Int64s
from collector.series.newest import LastColumns, Newest
from collector.series.query import Query
from collector.series.series_table import SeriesTable
from collector.store import Added, Keep, NotOfferedError, StoreError

LOG = "128MB"  # written before it goes into the file: a checkpoint costs more than many commits
MEMORY = "2GB"  # for everything DuckDB does; what needs more is spilled into files
RESERVE = 128 << 20  # bytes of the disk that are not filled: a checkpoint without room makes the database unusable

_NEWEST = """
with last as (select series, max("at") as newest from {source} group by series)
select kept.series, {fields} from {source} kept join last on last.series = kept.series and newest = kept."at"
qualify row_number() over (partition by kept.series order by known desc) = 1"""

SEAL_EVERY = 3_600_000  # ms


def open_url(rest: str, folder: Path, *, is_shared: bool) -> "DuckdbStore":
    """``duckdb:observations.duckdb``, relative to the data directory."""
    del is_shared  # no other process can open the file
    if not rest:
        raise ValueError("duckdb: expected a file name, as in duckdb:observations.duckdb")
    return DuckdbStore(folder / rest)


class DuckdbStore:
    """One connection writes; every question has a cursor of its own. A second process cannot open the file."""

    keeps_versions = True

    def __init__(self, file: Path) -> None:
        self._file = file
        self._sealed = file.with_suffix(".sealed")
        with as_store_error():
            # One thread is the calmer setting: a heavy query then leaves the commits their time.
            self._writer = duckdb.connect(
                str(file), config={"threads": 1, "memory_limit": MEMORY, "checkpoint_threshold": LOG}
            )
            layout.bring_up_to_date(self._writer)
            rows = self._writer.execute("select thing, quantity, period from series order by id").fetchall()
            self.table = SeriesTable(Series(*row) for row in rows)
            self._newest = Newest(self.table)
            self._newest.take(self._read_newest())
            self._newest.known = max(self._newest.known, self._latest_known())
            self._writing = Writing(self._writer, self._sealed, self._newest, self.table)
            self._writing.warm_up()
            sealing.sweep(self._writer, self._sealed)
        self._cursors = Lock()  # DuckDB's connection may make cursors for one thread at a time
        self._turn = Lock()  # to write
        self._copying = Lock()
        self._tending = Lock()
        self._keep: Sequence[Keep] = ()
        self._unsealed_since = 0  # when months were last sealed, ms UTC
        self._spared: frozenset[str] = frozenset()  # files of older seals that a question may still be reading

    # ---- writing ----------------------------------------------------------------------------------------------------

    def add(self, observations: Batch, now: int) -> Added:
        self._refuse_full_disk()
        with self._turn:
            return self._writing.add(observations, now)

    def _refuse_full_disk(self) -> None:
        folder = self._file.parent
        free = shutil.disk_usage(folder).free
        if free < RESERVE:
            raise StoreError(f"duckdb: the disk is full: {free >> 20} of {RESERVE >> 20} MB free in {folder}")

    # ---- reading ----------------------------------------------------------------------------------------------------

    def latest(self) -> dict[Series, Observation]:
        return self._newest.copy()

    def last(self, series: Series) -> Observation | None:
        return self._newest.get(series)

    def last_columns(self, numbers: Int64s) -> LastColumns:
        return self._newest.columns(numbers)

    def open_rows(self, query: Query) -> Rows[Observation]:
        def statement(cursor: duckdb.DuckDBPyConnection) -> questions.Statement:
            return questions.ordered(query, self._select(cursor, query))

        return Rows(self._cursor(), statement, reader_of(query.series))

    def open_columns(self, query: Query) -> Columns:
        def statement(cursor: duckdb.DuckDBPyConnection) -> questions.Statement:
            wanted = questions.fields_in_columns(query.series)
            return questions.ordered(query, self._select(cursor, query, wanted))

        return Columns(self._cursor(), statement, query.series)

    def revision(self, numbers: Int64s | None = None) -> int:
        return self._newest.revision(numbers)

    def count(self, query: Query) -> int:
        def statement(cursor: duckdb.DuckDBPyConnection) -> questions.Statement:
            sql, parameters = self._select(cursor, query)
            return f"select count(*) from ({sql})", parameters  # noqa: S608  # see questions

        rows = Rows(self._cursor(), statement, _first)
        try:
            return rows.fetch(1)[0]
        finally:
            rows.close()

    def open_aggregates(self, question: Aggregation) -> Rows[Aggregate]:
        begin, end = question.range
        kind = kind_of(question.quantity)
        if question.as_of is not None and begin < self._writing.expired.max(initial=0):
            raise NotOfferedError("as_of: some raw data of this time has expired, and roll-ups know no earlier state")

        def statement(cursor: duckdb.DuckDBPyConnection) -> questions.Statement:
            source = source_of(cursor, self._sealed, begin, end + 1, of_series(question.quantity, question.period))
            live = questions.figures(question, source, has_versions=self._writing.has_versions)
            return rollups.with_expired(question, live) if begin < self._writing.expired.max(initial=0) else live

        def read(row: tuple[Any, ...]) -> Aggregate:
            thing, begin, *figures = row
            window = window_at(question.size, begin)
            return aggregate(question, thing, window, questions.read_figures(kind, figures))

        return Rows(self._cursor(), statement, read)

    def _select(
        self, cursor: duckdb.DuckDBPyConnection, query: Query, wanted: Sequence[str] = FIELDS
    ) -> questions.Statement:
        number = self.table.find(query.series)
        thing, quantity, period = query.series
        source = source_of(cursor, self._sealed, query.since, query.until, of_series(quantity, period, thing))
        number = 0 if number is None else number + 1
        return questions.rows(query, number, source, has_versions=self._writing.has_versions, wanted=wanted)

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        with as_store_error(), self._cursors:
            return self._writer.cursor()

    def _latest_known(self) -> int:
        """Known times go on from here, whatever the clock says: roll-ups and seals count on it."""
        source = source_of(self._writer, self._sealed, None, None)
        sql = f"select greatest((select max(known) from {source}), (select known from followed))"  # noqa: S608
        (known,) = one_row(self._writer, sql)
        return int(known or 0)

    def _read_newest(self) -> Batch:
        source = source_of(self._writer, self._sealed, None, None)
        rows = self._writer.execute(_NEWEST.format(source=source, fields=", ".join(FIELDS))).fetchall()
        return Batch.of(self.table, [reader_of(self.table[number - 1])(row) for number, *row in rows])

    # ---- keeping house ----------------------------------------------------------------------------------------------

    def erase(self, series: Sequence[Series], before: int) -> int:
        numbers = [number for one in series if (number := self.table.find(one)) is not None]
        with self._tending, self._turn:
            cursor = self._cursor()
            try:
                with as_store_error():
                    count = erasing.erase(cursor, self._sealed, [number + 1 for number in numbers], before)
            finally:
                cursor.close()
            self._newest.forget(numbers, before)
        return count

    def limit(self, rules: Sequence[Keep]) -> None:
        self._keep = rules

    def tend(self, now: int) -> None:
        self._refuse_full_disk()
        with self._tending:
            self._tend(now)

    def _tend(self, now: int) -> None:
        cursor = self._cursor()
        try:
            with as_store_error():
                rollups.follow(cursor, self._sealed, now)
                self._drop_expired(cursor, now)
                if now - self._unsealed_since > SEAL_EVERY:
                    for month in sealing.due(cursor, now):
                        sealing.seal(cursor, self._sealed, month)
                    self._spared = sealing.sweep(cursor, self._sealed, seen=self._spared)
                    self._unsealed_since = now
        finally:
            cursor.close()

    def _drop_expired(self, cursor: duckdb.DuckDBPyConnection, now: int) -> None:
        """First nothing older is taken any more, then what is there is rolled up, then it goes."""
        with self._turn:
            series = list(enumerate(self.table))[: self._writing.registered]  # others may never come
            before = retention.due(cursor, retention.cutoffs(self._keep, series, now))
            self._writing.expire(before)
        if before:
            rollups.follow(cursor, self._sealed, now)
            retention.expire(cursor, self._sealed, before)
            self._newest.revise()

    def backup(self, folder: Path) -> None:
        with self._copying:
            cursor = self._cursor()
            try:
                copying.copy(cursor, folder / self._file.name, self._sealed, folder / self._sealed.name)
            finally:
                cursor.close()  # what it had begun is rolled back
                self._detach_copy()

    def _detach_copy(self) -> None:
        cursor = self._cursor()
        try:
            copying.detach(cursor)
        finally:
            cursor.close()

    def close(self) -> None:
        with as_store_error():
            self._writer.close()  # writes the log into the file


def _first(row: Sequence[Any]) -> int:
    return int(row[0])
