"""How are observations kept in InfluxDB 1.x? Line protocol in, InfluxQL out; the last arrival wins."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from collector.influxdb import Address, InfluxConnection, RefusedLinesError
from collector.line_protocol import FIELDS, MEASUREMENT, field_of, lines_of, observation_of, quoted
from collector.newest import Newest
from collector.observation import Observation, Series, split_finite
from collector.query import Comparison, Query
from collector.stores import Added, NotOfferedError, StoreError

LINES = 5_000  # per request: InfluxDB takes 25 MB, and answers slowly long before
PAGE = 5_000  # rows per query of a long answer


def open_url(rest: str, folder: Path) -> "InfluxStore":
    """``influx://127.0.0.1:8086/senzorika``: host, port and database."""
    del folder  # InfluxDB has its own
    return InfluxStore(Address(rest))


class InfluxStore:
    """A point is thing, quantity and period as tags, and one field for the value beside quality and the rest."""

    keeps_versions = False

    def __init__(self, address: Address) -> None:
        self._address = address
        self._writer = InfluxConnection(address)
        self._writer.query(f'create database "{address.database}"')
        self._newest = Newest(self._read_newest())

    def add(self, observations: Sequence[Observation], now: int) -> Added:
        del now  # no known time is kept
        observations, refused = split_finite(observations)
        last = {(one.series, one.at): one for one in observations}  # within one request the order is not promised
        batch = list(last.values())
        for start in range(0, len(batch), LINES):
            refused += self._write(batch[start : start + LINES])
        never = {id(one) for one, _ in refused}
        fresh, doubtful = self._newest.split([one for one in batch if id(one) not in never])
        kept = fresh + [one for one in doubtful if not self._is_newest(one)]
        self._newest.take(kept)
        return Added(kept, refused)

    def latest(self) -> dict[Series, Observation]:
        return self._newest.copy()

    def last(self, series: Series) -> Observation | None:
        return self._newest.get(series)

    def open_rows(self, query: Query) -> "_Rows":
        _refuse_what_is_not_kept(query)
        if query.order == "value":
            raise NotOfferedError("influx answers in order of time only")
        return _Rows(InfluxConnection(self._address), query)

    def count(self, query: Query) -> int:
        _refuse_what_is_not_kept(query)
        connection = InfluxConnection(self._address)
        try:
            if query.where:
                return sum(1 for _ in _read(connection, query))
            series = connection.query(f"select count(quality) from {MEASUREMENT} where {_where(query)}")  # noqa: S608
            return int(series[0]["values"][0][1]) if series else 0
        finally:
            connection.close()

    def close(self) -> None:
        self._writer.close()

    def _is_newest(self, one: Observation) -> bool:
        other = self._newest.get(one.series)
        return other is not None and other.at == one.at and other.content == one.content

    def _write(self, batch: list[Observation]) -> list[tuple[Observation, str]]:
        """Return what is refused. A refusal names no line, so the batch is halved until one stands alone."""
        try:
            self._writer.write(lines_of(batch))
        except RefusedLinesError as error:
            if len(batch) == 1:
                return [(batch[0], str(error))]
            middle = len(batch) // 2
            return self._write(batch[:middle]) + self._write(batch[middle:])
        return []

    def _read_newest(self) -> Iterator[Observation]:
        statement = f"select {', '.join(FIELDS)} from {MEASUREMENT} group by * order by time desc limit 1"  # noqa: S608  # our own names
        for one in self._writer.query(statement):
            tags = one["tags"]
            series = Series(tags["thing"], tags["quantity"], int(tags["period"]))
            yield observation_of(series, dict(zip(one["columns"], one["values"][0], strict=True)))


class _Rows:
    def __init__(self, connection: InfluxConnection, query: Query) -> None:
        self._connection = connection
        self._rows = _read(connection, query)
        end = None if query.limit is None else query.offset + query.limit
        self._rows = islice(self._rows, query.offset, end)
        self._interrupted = False

    def fetch(self, count: int) -> list[Observation]:
        if self._interrupted:
            raise StoreError("influx: interrupted")
        return list(islice(self._rows, count))

    def interrupt(self) -> None:
        self._interrupted = True
        self._connection.interrupt()

    def close(self) -> None:
        self._connection.close()


def _refuse_what_is_not_kept(query: Query) -> None:
    if query.as_of is not None or query.versions == "all":
        raise NotOfferedError("influx keeps no known time and no older versions: the last arrival wins")


def _read(connection: InfluxConnection, query: Query) -> Iterator[Observation]:
    """Page by page, the next one beginning where the last one ended."""
    since, until = query.since, query.until
    direction = "desc" if query.descending else "asc"
    size = PAGE if query.limit is None or query.where else min(PAGE, query.offset + query.limit)
    fields = f"{field_of(query.series)}, quality, censored, source, derived"
    while True:
        where = _where(query, since, until)
        statement = f"select {fields} from {MEASUREMENT} where {where} order by time {direction} limit {size}"  # noqa: S608  # see _where
        answer = connection.query(statement)
        values = answer[0]["values"] if answer else []
        for row in values:
            one = observation_of(query.series, dict(zip(answer[0]["columns"], row, strict=True)))
            if all(test.holds(one) for test in query.where):
                yield one
        if len(values) < size:
            return
        if query.descending:
            until = values[-1][0]
        else:
            since = values[-1][0] + 1


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
    return is_number and field_of(query.series) == "number"
