"""How does a question become SQL? Names and operators come from our own closed lists, operands are parameters."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from collector.analysis.windows import HOUR, QUARTER, Size, Window, windows_between
from collector.embedded.columns import FIELDS
from collector.embedded.marks import CONTENT, QUALITIES, SUSPECT, marks_where
from collector.observation import Kind, Observation, Series, kind_of
from collector.series.aggregation import Aggregation, Figures
from collector.series.batch import read_value
from collector.series.query import Comparison, Query

Statement = tuple[str, list[Any]]

_NOT_SUPERSEDED = (
    'not exists (select 1 from superseded gone where gone.series = kept.series and gone."at" = kept."at"'
    " and gone.known = kept.known)"
)
_POWER = "case when number between -3000 and 3000 then pow(10, number / 10) end"  # of other quantities it may overflow
_LATEST_BY = 'row_number() over (partition by series, "at" order by known desc) = 1'


def latest(source: str, conditions: Sequence[str], *, has_versions: bool, as_of: int | None) -> str:
    """The rows that meet the conditions, one version of each observation: the latest known, or known ``as_of``."""
    where = list(conditions)
    if as_of is None and has_versions:
        where.append(_NOT_SUPERSEDED)
    elif as_of is not None:
        where.append(f"known <= {int(as_of)}")
    sql = f"select * from {source} kept where {' and '.join(where)}"  # noqa: S608
    return sql if as_of is None else f"{sql} qualify {_LATEST_BY}"


def rows(query: Query, number: int, source: str, *, has_versions: bool, wanted: Sequence[str] = FIELDS) -> Statement:
    """The rows of a query, without order and limit; ``number`` is the id of its series."""
    conditions, parameters = ["series = ?"], [number]
    for text, operand in (('"at" >= ?', query.since), ('"at" < ?', query.until)):
        if operand is not None:
            conditions.append(text)
            parameters.append(operand)
    fields = ", ".join(wanted)
    if query.versions == "all":
        if query.as_of is not None:
            conditions.append(f"known <= {int(query.as_of)}")
        sql = f"select {fields} from {source} kept where {' and '.join(conditions)}"  # noqa: S608
    else:
        inner = latest(source, conditions, has_versions=has_versions, as_of=query.as_of)
        sql = f"select {fields} from ({inner})"  # noqa: S608
    if query.where:
        tests, operands = zip(*(_condition(one, query.series) for one in query.where), strict=True)
        sql = f"select * from ({sql}) where {' and '.join(tests)}"  # noqa: S608
        parameters += [operand for several in operands for operand in several]
    return sql, parameters


def ordered(query: Query, statement: Statement) -> Statement:
    """In the order that was asked for, cut to its limit."""
    sql, parameters = statement
    direction = "desc" if query.descending else "asc"
    first = f"{_value_column(query.series)} {direction}, " if query.order == "value" else ""
    sql += f' order by {first}"at" {direction}, known {direction}'
    if query.limit is not None:
        sql += f" limit {int(query.limit)}"
    return f"{sql} offset {int(query.offset)}", parameters


def fields_in_columns(series: Series) -> Sequence[str]:
    """``FIELDS`` without that of number and text in which nothing stands."""
    unused = "text" if _value_column(series) == "number" else "number"
    return [field for field in FIELDS if field != unused]


def figures(question: Aggregation, source: str, *, has_versions: bool) -> Statement:
    """Rows of (thing, begin of the window, *``figure_columns``), by thing and window."""
    begin, end = question.range
    things = None if question.things is None else sorted(question.things)
    among = "" if things is None else " and thing in (select unnest(?))"
    parameters: list[Any] = [question.quantity, question.period, *([] if things is None else [things])]
    conditions = [
        f"series in (select id from series where quantity = ? and period = ?{among})",  # noqa: S608
        f'"at" >= {begin + question.shift}',
        f'"at" < {end + question.shift}',
    ]
    inner = latest(source, conditions, has_versions=has_versions, as_of=question.as_of)
    window, join, more = window_column(question.size, question.range, question.shift)
    breaks_ties = question.together and bool(question.figures & {"first", "last"})
    named = "" if question.together and not breaks_ties else "join (select id, thing from series) named on id = series"
    thing = "''" if question.together else "thing"
    columns = ", ".join(figure_columns(question.figures, question.percentiles, by_thing=breaks_ties))
    groups = "2" if question.together else "1, 2"
    sql = (
        f'select {thing} as thing, {window} as "begin", {columns} '  # noqa: S608
        f"from (select *, not {SUSPECT} as fine from ({inner})) {named} {join} group by {groups} order by 1, 2"
    )
    return sql, parameters + more


def figure_columns(
    wanted: frozenset[str], percentiles: Sequence[float], *, by_thing: bool, by_rank: bool = False
) -> list[str]:
    """What ``read_figures`` expects, in its order; ``fine`` says that a row is not suspect.

    ``by_thing`` settles which of several things was first. ``by_rank`` sums in order of value: slower, and the same
    to the last bit wherever and in whatever order the rows lie.
    """
    rank = " order by number" if by_rank else ""
    order = "{'at': \"at\", 'thing': thing}" if by_thing else '"at"'
    quantiles = ", ".join(f"{Decimal(repr(percent)) / 100:f}" for percent in percentiles)  # exact: no double is ranked
    judged = "quality" in wanted

    def of(column: str, name: str, *names: str) -> str:
        return f"{column} filter (fine)" if {name, *names} & wanted else "null"

    return [
        "count(*) filter (fine)",
        of("min(number)", "minimum"),
        of("max(number)", "maximum"),
        of(f"fsum(number{rank})", "sum", "mean"),
        of(f"favg({_POWER}{rank})", "energy_mean"),
        of(f"arg_min(number, {order})", "first"),
        of(f"arg_min(text, {order})", "first"),
        of(f"arg_max(number, {order})", "last"),
        of(f"arg_max(text, {order})", "last"),
        f"quantile_disc(number, [{quantiles}]) filter (fine)" if percentiles else "[]",
        "count(*) filter (not fine)" if judged else "0",
        f"count(*) filter ({marks_where('estimated'.__eq__)})" if judged else "0",
        f"count(*) filter ({marks_where('substituted'.__eq__)})" if judged else "0",
        f"count(*) filter (fine and mark % {CONTENT} >= {len(QUALITIES)})" if judged else "0",
    ]


def read_figures(kind: Kind, row: Sequence[Any]) -> Figures:
    count, least, most, total, power, first, first_text, last, last_text, ranks, *quality = row
    ends = [
        None if number is None and text is None else read_value(kind, number, text)
        for number, text in ((first, first_text), (last, last_text))
    ]
    return Figures(count, least, most, total, power, ends[0], ends[1], ranks or (), *quality)


def window_column(size: Size, within: Window, shift: int) -> tuple[str, str, list[Any]]:
    """The begin of the window that a row belongs to: an expression, the join it needs, and its parameters.

    Hours and quarters are those of UTC. Days, months and years begin with one of its hours, which a small table knows.
    """
    instant = f'("at" - {shift})' if shift else '"at"'
    if size in ("quarter", "hour"):
        length = QUARTER if size == "quarter" else HOUR
        return f"{instant} - {instant} % {length}", "", []
    windows = list(windows_between(size, within.begin, within.end))
    hours = list(range(within.begin // HOUR, within.end // HOUR))
    begins = [one.begin for one in windows for _ in range((one.end - one.begin) // HOUR)]
    join = f"join (select unnest(?::bigint[]) as hour, unnest(?::bigint[]) as first) on hour = {instant} // {HOUR}"
    return "first", join, [hours, begins]


def _value_column(series: Series) -> str:
    kind = kind_of(series.quantity)
    return "number" if kind.is_number or kind.kind == "flags" else "text"


_OPERATORS = {"==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


def _condition(one: Comparison, series: Series) -> tuple[str, Iterable[Any]]:
    is_text = isinstance(one.operand, str)
    if one.field == "quality":
        as_published = {"valid": ""}
        return marks_where(lambda judged: one.holds(Observation(series, 0, 0.0, as_published.get(judged, judged)))), ()
    column = {"at": '"at"', "value": _value_column(series)}[one.field]
    if is_text != (column == "text") or (one.field == "value" and kind_of(series.quantity).kind == "position"):
        return "false", ()  # text never compares with a number
    return f"{column} {_OPERATORS[one.operator]} ?", (one.operand,)
