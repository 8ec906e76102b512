"""How does a question look in InfluxQL, and what do its rows say? Everything is read as it comes, nothing whole."""

from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter
from typing import Any

from collector.influx.connection import InfluxConnection
from collector.influx.lines import FIELDS, MEASUREMENT, field_of, observation_of, quoted
from collector.observation import Observation, Series, kind_of
from collector.series.aggregation import Aggregation
from collector.series.batch import MARKS
from collector.series.query import Comparison, Query

PAGE = 5_000  # rows of a piece of a long answer
MOST_NAMED = 100  # things named in a question; of more all are read and the others passed over


def read_newest(
    connection: InfluxConnection, since: int | None = None
) -> Iterator[tuple[Series, int, Observation | None]]:
    """The newest point of every series: its time, and what it says, None where it is not whole."""
    where = "" if since is None else f"where time >= {since}ms "
    statement = f"select {', '.join(FIELDS)} from {MEASUREMENT} {where}group by * order by time desc limit 1"  # noqa: S608  # our own names
    for rows in connection.stream(statement, PAGE):
        for row in rows:
            series = Series(row["thing"], row["quantity"], int(row["period"]))
            try:
                kind_of(series.quantity)
            except ValueError:  # kept by a collector whose contract had it; nobody can ask for it now
                continue
            yield series, row["time"], observation_of(series, row) if _is_whole(series, row) else None


def read_series(connection: InfluxConnection, query: Query) -> Iterator[Observation]:
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
            if not _is_whole(query.series, row):
                continue
            one = observation_of(query.series, row)
            if all(test.holds(one) for test in query.where):
                yield one
        if len(rows) < size:
            return
        if query.descending:
            until = rows[-1]["time"]
        else:
            since = rows[-1]["time"] + 1


def read_all_things(connection: InfluxConnection, question: Aggregation) -> Iterator[Observation]:
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
            if question.covers(series) and _is_whole(series, row):
                yield observation_of(series, row)


def in_order(observations: Iterator[Observation]) -> Iterator[Observation]:
    """Things that measured at one instant, by name: InfluxDB orders by time alone."""
    for _, at_once in groupby(observations, attrgetter("at")):
        yield from sorted(at_once, key=attrgetter("series"))


def count_series(connection: InfluxConnection, query: Query) -> int:
    if query.where:
        return sum(1 for _ in read_series(connection, query))
    value = field_of(kind_of(query.series.quantity))
    rows = connection.query(f"select count({value}) from {MEASUREMENT} where {_where(query)}")  # noqa: S608  # see _where
    return int(rows[0]["count"]) if rows else 0


def _is_whole(series: Series, row: dict[str, Any]) -> bool:
    """Whether no field of the point is missing: it has no marks at all, or all four, also where they are empty.

    InfluxDB 1.6 shows a point field by field while it writes it: such a one is not acknowledged, so not stored yet.
    """
    lacking = [row[name] is None for name in MARKS]
    has_value = row[field_of(kind_of(series.quantity))] is not None
    return has_value and (all(lacking) or not any(lacking))


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
    if one.field != "value" or isinstance(one.operand, str) or field_of(kind_of(query.series.quantity)) != "number":
        return False
    return abs(one.operand) < 1e15 and "e" not in repr(one.operand)  # InfluxQL has no exponents
