"""How are observations kept in one file that answers quickly? DuckDB: no key, an anti-join for what may be repeated."""

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from collector.analysis.windows import window_at
from collector.embedded import erasing, layout, questions, retention, rollups, sealing
from collector.embedded.answers import Columns, Rows, as_store_error
from collector.embedded.columns import FIELDS, reader_of, table_of
from collector.embedded.marks import CONTENT
from collector.embedded.source import observations as source_of
from collector.embedded.source import of_series, one_row, quoted
from collector.observation import Observation, Series, kind_of
from collector.series.aggregation import Aggregate, Aggregation, aggregate
from collector.series.batch import Batch, Int64s, Positions
from collector.series.newest import LastColumns, Newest
from collector.series.query import Query
from collector.series.series_table import SeriesTable
from collector.stores import Added, Keep, NotOfferedError, StoreError

LOG = "128MB"  # written before it goes into the file: a checkpoint costs more than many commits
MEMORY = "2GB"  # for everything DuckDB does; what needs more is spilled into files
RESERVE = 128 << 20  # bytes of the disk that are not filled: a checkpoint without room makes the database unusable

_INSERT = "insert into observation select * from batch"
_NOT_KEPT = """
select position from batch where not exists (
    select 1 from {source} kept
    where kept."at" between ? and ? and kept.series = batch.series and kept."at" = batch."at"
    and kept.number is not distinct from batch.number and kept.text is not distinct from batch.text
    and kept.source = batch.source and kept.mark % {content} = batch.mark % {content})
order by position"""
_LATEST = """
select position, max(kept.known) from batch join {source} kept on kept.series = batch.series and kept."at" = batch."at"
where kept."at" between ? and ? group by position"""
_NEWEST = """
with last as (select series, max("at") as newest from {source} group by series)
select kept.series, {fields} from {source} kept join last on last.series = kept.series and newest = kept."at"
qualify row_number() over (partition by kept.series order by known desc) = 1"""

_EXPIRED = "select series, before from expired where series <= ?"

BEYOND = "at: beyond retention: the raw data of its time has expired, and its roll-ups are closed"
TOO_MANY = "at: too many versions of one observation at once"
MOST_VERSIONS = 10  # of one observation in one batch: each moves the time on by 1 ms at which all others become known
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
            self._registered = len(self.table)  # the series that are in the file
            self._has_versions = one_row(self._writer, "select count(*) from superseded") != (0,)
            self._expired = np.zeros(0, np.int64)
            expired = self._writer.execute(_EXPIRED, [len(self.table)]).fetchall()
            self._expire({number - 1: before for number, before in expired})
            self._newest = Newest(self.table)
            self._newest.take(self._read_newest())
            self._newest.known = max(self._newest.known, self._latest_known())
            self._warm_up()
            sealing.sweep(self._writer, self._sealed)
        self._cursors = Lock()  # DuckDB's connection may make cursors for one thread at a time
        self._writing = Lock()
        self._copying = Lock()
        self._tending = Lock()
        self._keep: Sequence[Keep] = ()
        self._unsealed_since = 0  # when months were last sealed, ms UTC
        self._spared: frozenset[str] = frozenset()  # files of older seals that a question may still be reading

    # ---- writing ----------------------------------------------------------------------------------------------------

    def add(self, observations: Batch, now: int) -> Added:
        self._refuse_full_disk()
        with self._writing:
            return self._add(observations, now)

    def _refuse_full_disk(self) -> None:
        folder = self._file.parent
        free = shutil.disk_usage(folder).free
        if free < RESERVE:
            raise StoreError(f"duckdb: the disk is full: {free >> 20} of {RESERVE >> 20} MB free in {folder}")

    def _add(self, observations: Batch, now: int) -> Added:
        refused = [(position, "not finite") for position in observations.unstorable().tolist()]
        refused += [(position, BEYOND) for position in self._beyond(observations).tolist()]
        places = np.delete(np.arange(len(observations)), [position for position, _ in refused])
        taken = observations.take(places)
        fresh, doubtful = self._newest.split(taken)
        known = max(now, self._newest.known + 1)
        kept = taken.take(fresh, np.full(len(fresh), known))
        new_series = self.table.since(self._registered)
        with as_store_error():
            self._writer.begin()
            try:
                self._register(new_series)
                self._insert(kept)
                new = self._not_kept(taken, doubtful)
                few, many = _at_most(MOST_VERSIONS, taken, new)
                versions, replaced = self._versions(taken.take(few), known + 1)
                self._insert(versions)
                if replaced:
                    self._writer.executemany("insert into superseded values (?, ?, ?)", replaced)
                    self._has_versions = True  # before anyone can see them
                self._writer.commit()
            except BaseException:
                self._roll_back()
                raise
        self._registered += len(new_series)
        if len(versions):
            kept = Batch.joined(self.table, [kept, versions])
        self._newest.take(kept)
        return Added(kept, refused + [(int(places[position]), TOO_MANY) for position in many])

    def _register(self, several: list[tuple[int, Series]]) -> None:
        if several:
            columns = list(zip(*((number + 1, *series) for number, series in several), strict=True))
            with self._batch(pa.table([list(one) for one in columns], ["id", "thing", "quantity", "period"])):
                self._writer.execute("insert into series select * from batch")

    def _beyond(self, observations: Batch) -> Positions:
        """Where the window of an observation is closed, because its raw data has expired."""
        if not self._expired.any():
            return np.empty(0, np.int64)
        if len(self._expired) < len(self.table):
            self._expire({})
        series = observations.series
        return np.flatnonzero(observations.at - self.table.has_period[series] < self._expired[series])

    def _expire(self, before: dict[int, int]) -> None:
        grown = np.zeros(len(self.table), np.int64)
        grown[: len(self._expired)] = self._expired
        for number, instant in before.items():
            grown[number] = instant
        self._expired = grown

    def _insert(self, several: Batch) -> None:
        if len(several):
            with self._batch(table_of(several)):
                self._writer.execute(_INSERT)

    @contextmanager
    def _batch(self, table: pa.Table) -> Iterator[None]:
        """The observations as the table ``batch``: by way of Arrow, at a fifth of the cost of parameters."""
        self._writer.register("batch", table)
        try:
            yield
        except BaseException:
            with suppress(duckdb.Error):  # what went wrong is to be heard, not that nothing goes after it
                self._writer.unregister("batch")
            raise
        self._writer.unregister("batch")

    def _not_kept(self, taken: Batch, doubtful: Positions) -> Positions:
        """The positions of what is not in the store, each content once, where it came first."""
        if not len(doubtful):
            return doubtful
        several = taken.take(doubtful)
        begin, end = int(several.at.min()), int(several.at.max())
        source = source_of(self._writer, self._sealed, begin, end + 1)
        with self._batch(_numbered(several)):
            statement = _NOT_KEPT.format(source=source, content=CONTENT)
            found = [position for (position,) in self._writer.execute(statement, [begin, end]).fetchall()]
        new = np.array(found, np.int64)
        return doubtful[new[_distinct(several.take(new))]]

    def _versions(self, once: Batch, known: int) -> tuple[Batch, list[tuple[int, int, int]]]:
        """Each with the time it becomes known, and (series id, at, known) of those that are the latest no longer.

        The versions of one observation become known one after the other, from ``known`` on.
        """
        if not len(once):
            return once, []
        begin, end = int(once.at.min()), int(once.at.max())
        source = source_of(self._writer, self._sealed, begin, end + 1)
        with self._batch(_numbered(once)):
            latest = dict(self._writer.execute(_LATEST.format(source=source), [begin, end]).fetchall())
        times, replaced = [], []
        own: dict[tuple[int, int], int] = {}
        for position, identity in enumerate(zip((once.series + 1).tolist(), once.at.tolist(), strict=True)):
            before = own.get(identity, latest.get(position))
            if before is not None:
                replaced.append((*identity, before))
            own[identity] = known if before is None else max(known, before + 1)
            times.append(own[identity])
        return once.take(np.arange(len(once)), np.array(times, np.int64)), replaced

    def _warm_up(self) -> None:
        """The first insert of a process costs a third of a second: pay before the first reading waits for it."""
        one = Batch.of(SeriesTable(), [Observation(Series("warm-up", "temperature"), 0, 0.0)])
        self._writer.begin()
        self._insert(one)
        self._not_kept(one, np.zeros(1, np.int64))
        self._writer.rollback()

    def _roll_back(self) -> None:
        try:
            self._writer.rollback()
        except duckdb.TransactionException:
            return  # a COMMIT that failed has already rolled back

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
        if question.as_of is not None and begin < self._expired.max(initial=0):
            raise NotOfferedError("as_of: some raw data of this time has expired, and roll-ups know no earlier state")

        def statement(cursor: duckdb.DuckDBPyConnection) -> questions.Statement:
            source = source_of(cursor, self._sealed, begin, end + 1, of_series(question.quantity, question.period))
            live = questions.figures(question, source, has_versions=self._has_versions)
            return rollups.with_expired(question, live) if begin < self._expired.max(initial=0) else live

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
        return questions.rows(query, number, source, has_versions=self._has_versions, wanted=wanted)

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
        with self._tending, self._writing:
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
        with self._writing:
            series = list(enumerate(self.table))[: self._registered]  # others may never come
            before = retention.due(cursor, retention.cutoffs(self._keep, series, now))
            self._expire(before)
        if before:
            rollups.follow(cursor, self._sealed, now)
            retention.expire(cursor, self._sealed, before)
            self._newest.revise()

    def backup(self, folder: Path) -> None:
        """A snapshot: the table, and the sealed months that go with it."""
        with self._copying:
            self._backup(folder)

    def _backup(self, folder: Path) -> None:
        cursor = self._cursor()
        copy = folder / self._file.name
        try:
            with as_store_error():
                cursor.execute(f"attach '{quoted(copy)}' as backup_copy")
                cursor.begin()
                files = [name for (name,) in cursor.execute("select file from sealed").fetchall()]
                (here,) = one_row(cursor, "select current_database()")
                cursor.execute(f'copy from database "{here}" to backup_copy')
                sealed = folder / self._sealed.name
                sealed.mkdir()
                for name in files:
                    shutil.copyfile(self._sealed / name, sealed / name)
                cursor.commit()
        except OSError as error:
            raise StoreError(f"duckdb: backup: {error}") from error
        finally:
            cursor.close()  # what it had begun is rolled back
            self._detach_copy()

    def _detach_copy(self) -> None:
        """It is attached to the database, not to the cursor: else every later backup would be refused."""
        cursor = self._cursor()
        try:
            with as_store_error():
                cursor.execute("detach database if exists backup_copy")
        finally:
            cursor.close()

    def close(self) -> None:
        with as_store_error():
            self._writer.close()  # writes the log into the file


def _numbered(batch: Batch) -> pa.Table:
    return table_of(batch).append_column("position", pa.array(range(len(batch)), pa.int32()))


def _distinct(batch: Batch) -> Positions:
    """The positions of each content of each observation, where it came first."""
    first: dict[tuple[int, int, tuple[Any, ...]], int] = {}
    for position, (series, at) in enumerate(zip(batch.series.tolist(), batch.at.tolist(), strict=True)):
        first.setdefault((series, at, batch.content(position)), position)
    return np.array(list(first.values()), np.int64)


def _at_most(count: int, batch: Batch, positions: Positions) -> tuple[Positions, list[int]]:
    """The first so many of each observation, and the others."""
    seen: Counter[tuple[int, int]] = Counter()
    few: list[int] = []
    many: list[int] = []
    for position in positions.tolist():
        identity = int(batch.series[position]), int(batch.at[position])
        seen[identity] += 1
        (few if seen[identity] <= count else many).append(position)
    return np.array(few, np.int64), many


def _first(row: Sequence[Any]) -> int:
    return int(row[0])
