"""How are observations kept in InfluxDB 1.x, 2.x or 3? Line protocol in, InfluxQL out; the last arrival wins."""

from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from operator import attrgetter
from pathlib import Path
from time import monotonic
from typing import TypeVar

import numpy as np

from collector.aggregation import Aggregate, Aggregation, per_thing, together
from collector.batch import Batch, Positions
from collector.influx_address import Address, parse_address
from collector.influx_answers import RefusedLinesError
from collector.influx_writing import open_writer
from collector.influxdb import InfluxConnection
from collector.line_protocol import FIELDS, MEASUREMENT, LineMaker, field_of, observation_of, quoted
from collector.newest import Newest
from collector.observation import Observation, Series, kind_of
from collector.query import Comparison, Query
from collector.series_table import SeriesTable
from collector.stores import Added, NotOfferedError, Rows, StoreError

LINES = 5_000  # per request: InfluxDB takes 10 MB and more, and answers slowly long before
PAGE = 5_000  # rows per query of a long answer
MOST_NAMED = 100  # things named in a question; of more all are read and the others passed over
PATIENCE = 5.0  # s: then a fetch returns what it has; InfluxDB gives some 100,000 observations a second
OPENING = 300.0  # s: the newest of every series takes a walk through all of them

_NO_VERSIONS = "influx keeps no known time and no older versions: the last arrival wins"


def open_url(rest: str, folder: Path) -> "InfluxStore":
    """``influx://127.0.0.1:8086/senzorika?version=1``: the README's section InfluxDB has all that may follow."""
    return InfluxStore(parse_address(rest, folder))


class InfluxStore:
    """A point is thing, quantity and period as tags, and one field for the value beside quality and the rest."""

    keeps_versions = False

    def __init__(self, address: Address) -> None:
        self._address = address
        self.table = SeriesTable()
        self._newest = Newest(self.table)
        connection = InfluxConnection(address, timeout=OPENING)
        try:
            connection.check_version()
            if address.version == 1 and not address.token:
                connection.create_database()
            self._newest.take(Batch.of(self.table, _read_newest(connection)))
        finally:
            connection.close()
        self._lines = LineMaker(self.table)
        self._writer = open_writer(address)

    def add(self, observations: Batch, now: int) -> Added:
        del now  # no known time is kept
        refused = dict.fromkeys(observations.unstorable().tolist(), "not finite")
        last = _last_arrivals(observations)  # within one request the order is not promised
        last = np.setdiff1d(last, np.fromiter(refused, np.int64, len(refused)), assume_unique=True)
        for start in range(0, len(last), LINES):
            refused |= self._write(observations, last[start : start + LINES])
        last = np.setdiff1d(last, np.fromiter(refused, np.int64, len(refused)), assume_unique=True)
        batch = observations.take(last)
        fresh, doubtful = self._newest.split(batch)
        changed = [place for place in doubtful.tolist() if not self._is_newest(batch, place)]
        kept = batch.take(np.sort(np.concatenate((fresh, np.array(changed, np.int64)))))
        self._newest.take(kept)
        return Added(kept, sorted(refused.items()))

    def latest(self) -> dict[Series, Observation]:
        return self._newest.copy()

    def last(self, series: Series) -> Observation | None:
        return self._newest.get(series)

    def open_rows(self, query: Query) -> Rows[Observation]:
        _refuse_what_is_not_kept(query)
        if query.order == "value":
            raise NotOfferedError("influx answers in order of time only")
        connection = InfluxConnection(self._address)
        end = None if query.limit is None else query.offset + query.limit
        return _Streamed(connection, islice(_read(connection, query), query.offset, end))

    def open_aggregates(self, question: Aggregation) -> Rows[Aggregate]:
        if question.as_of is not None:
            raise NotOfferedError(_NO_VERSIONS)
        connection = InfluxConnection(self._address)
        if question.together:
            answer = together(question, _in_order(_all_things(connection, question)))
        else:
            several = groupby(_all_things(connection, question), attrgetter("series"))
            answer = per_thing(question, several)
        return _Streamed(connection, answer)

    def count(self, query: Query) -> int:
        _refuse_what_is_not_kept(query)
        connection = InfluxConnection(self._address)
        try:
            if query.where:
                return sum(1 for _ in _read(connection, query))
            rows = connection.query(f"select count(quality) from {MEASUREMENT} where {_where(query)}")  # noqa: S608
            return int(rows[0]["count"]) if rows else 0
        finally:
            connection.close()

    def tend(self, now: int) -> None:
        """InfluxDB seals and forgets by itself."""

    def backup(self, folder: Path) -> None:
        raise NotOfferedError(f"influx: nothing is copied to {folder}: InfluxDB has a backup command of its own")

    def close(self) -> None:
        self._writer.close()

    def _is_newest(self, batch: Batch, place: int) -> bool:
        one = batch[place]
        other = self._newest.get(one.series)
        return other is not None and other.at == one.at and other.content == one.content

    def _write(self, batch: Batch, positions: Positions) -> dict[int, str]:
        """Return what is refused, by position; everything else is stored.

        InfluxDB 3 names the lines it refuses. 1.x and 2.x do not: there the batch is halved until one stands alone.
        Writing a line once more changes nothing.
        """
        if not len(positions):
            return {}
        try:
            self._writer.write(self._lines.lines_of(batch.take(positions)))
        except RefusedLinesError as error:
            if len(positions) == 1:
                return {int(positions[0]): str(error)}
            named = {int(positions[line]): why for line, why in error.lines.items() if 0 <= line < len(positions)}
            if named:
                rest = np.setdiff1d(positions, np.fromiter(named, np.int64, len(named)), assume_unique=True)
                return named | self._write(batch, rest)
            middle = len(positions) // 2
            return self._write(batch, positions[:middle]) | self._write(batch, positions[middle:])
        return {}


Row = TypeVar("Row")


class _Streamed(Rows[Row]):
    """An answer that is read from its connection as it is fetched; owns the connection."""

    def __init__(self, connection: InfluxConnection, rows: Iterator[Row]) -> None:
        self._connection = connection
        self._rows = rows
        self._interrupted = False

    def fetch(self, count: int) -> Sequence[Row]:
        if self._interrupted:
            raise StoreError("influx: interrupted")
        found: list[Row] = []
        enough = monotonic() + PATIENCE
        for row in self._rows:
            found.append(row)
            if len(found) == count or monotonic() > enough:
                break
        return found

    def interrupt(self) -> None:
        self._interrupted = True
        self._connection.interrupt()

    def close(self) -> None:
        self._connection.close()


def _last_arrivals(batch: Batch) -> Positions:
    """The positions of what no later one of the same identity replaces, in the order of the batch."""
    order = np.lexsort((batch.at, batch.series))  # stable
    series, at = batch.series[order], batch.at[order]
    is_last = np.ones(len(order), np.bool_)
    is_last[:-1] = (series[1:] != series[:-1]) | (at[1:] != at[:-1])
    return np.sort(order[is_last])


def _read_newest(connection: InfluxConnection) -> Iterator[Observation]:
    statement = f"select {', '.join(FIELDS)} from {MEASUREMENT} group by * order by time desc limit 1"  # noqa: S608  # our own names
    for rows in connection.stream(statement, PAGE):
        for row in rows:
            series = Series(row["thing"], row["quantity"], int(row["period"]))
            try:
                kind_of(series.quantity)
            except ValueError:  # kept by a collector whose contract had it; nobody can ask for it now
                continue
            yield observation_of(series, row)


def _refuse_what_is_not_kept(query: Query) -> None:
    if query.as_of is not None or query.versions == "all":
        raise NotOfferedError(_NO_VERSIONS)


def _read(connection: InfluxConnection, query: Query) -> Iterator[Observation]:
    """Page by page, the next one beginning where the last one ended."""
    since, until = query.since, query.until
    direction = "desc" if query.descending else "asc"
    size = PAGE if query.limit is None or query.where else min(PAGE, query.offset + query.limit)
    fields = _fields(query.series.quantity)
    while True:
        where = _where(query, since, until)
        statement = f"select {fields} from {MEASUREMENT} where {where} order by time {direction} limit {size}"  # noqa: S608  # see _where
        rows = connection.query(statement)
        for row in rows:
            one = observation_of(query.series, row)
            if all(test.holds(one) for test in query.where):
                yield one
        if len(rows) < size:
            return
        if query.descending:
            until = rows[-1]["time"]
        else:
            since = rows[-1]["time"] + 1


def _all_things(connection: InfluxConnection, question: Aggregation) -> Iterator[Observation]:
    """What stands in the windows, in one answer: in order of time, or by thing and then in order of time."""
    begin, end = question.range
    conditions = [
        f"quantity = {quoted(question.quantity)} and period = '{question.period}'",
        f"time >= {begin + question.shift}ms and time < {end + question.shift}ms",
    ]
    if question.things is not None and len(question.things) <= MOST_NAMED:
        conditions.append("(" + " or ".join(f"thing = {quoted(thing)}" for thing in sorted(question.things)) + ")")
    fields = _fields(question.quantity)
    if question.together:
        fields, order = f"{fields}, thing", "order by time asc"
    else:
        order = "group by thing order by time asc"
    statement = f"select {fields} from {MEASUREMENT} where {' and '.join(conditions)} {order}"  # noqa: S608  # quoted
    for rows in connection.stream(statement, PAGE):
        for row in rows:
            series = Series(row["thing"], question.quantity, question.period)
            if question.covers(series):
                yield observation_of(series, row)


def _in_order(observations: Iterator[Observation]) -> Iterator[Observation]:
    """Things that measured at one instant, by name: InfluxDB orders by time alone."""
    for _, at_once in groupby(observations, attrgetter("at")):
        yield from sorted(at_once, key=attrgetter("series"))


def _fields(quantity: str) -> str:
    return f"{field_of(kind_of(quantity))}, quality, censored, source, derived"


def _where(query: Query, since: int | None = None, until: int | None = None) -> str:
    """Identifiers are quoted; what InfluxQL cannot compare is left to the reader of the rows."""
    since = query.since if since is None else since
    until = query.until if until is None else until
    thing, quantity, period = query.series
    conditions = [f"thing = {quoted(thing)}", f"quantity = {quoted(quantity)}", f"period = '{period}'"]
    if since is not None:
        conditions.append(f"time >= {since}ms")
    if until is not None:
        conditions.append(f"time < {until}ms")
    conditions += [f"number {_SIGNS[one.operator]} {one.operand!r}" for one in query.where if _is_cheap(one, query)]
    return " and ".join(conditions)


_SIGNS = {"==": "=", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


def _is_cheap(one: Comparison, query: Query) -> bool:
    is_number = one.field == "value" and isinstance(one.operand, (int, float))
    return is_number and field_of(kind_of(query.series.quantity)) == "number"
