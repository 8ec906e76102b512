"""What does each closed window of each series amount to? Figures kept beside raw data, and when it is gone.

Quarters of an hour, hours, days and months of local time. Every roll-up is made from the raw observations of its
window alone, each value by its rank and not by its arrival, so it is the same whatever order and repetition they came
in. What arrives late makes its windows stale, and these are made again. Windows that are not closed are not kept: they
are computed when somebody asks.
"""

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from collector.analysis.windows import HOUR, QUARTER, Size, Window, window_at, windows_between
from collector.embedded import questions
from collector.embedded.marks import SUSPECT
from collector.embedded.source import INSTANT, one_row
from collector.embedded.source import observations as source_of
from collector.series.aggregation import FIGURES, Aggregation

SIZES: tuple[Size, ...] = ("quarter", "hour", "day", "month")
RANKS = (1.0, 5.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0)
"""The percentiles that are kept."""

MONTHS = 62 * 24 * HOUR  # what is made at once: bounded memory, whatever has piled up

_NEW = f"""  -- by quarters: every window is made of whole ones
select distinct series, {INSTANT} // {QUARTER} as quarter
from observation join (select id, period from series) on id = series
where known > ? and known <= ?
    and not exists (select 1 from expired where expired.series = observation.series and {INSTANT} < before)"""  # noqa: S608


def follow(cursor: duckdb.DuckDBPyConnection, folder: Path, now: int) -> int:
    """Make the roll-ups of what became known since the last call, where their windows are closed; return how many.

    One transaction: after a crash it is done again.
    """
    cursor.begin()
    try:
        made = _follow(cursor, folder, now)
        cursor.commit()
    except BaseException:
        cursor.rollback()
        raise
    return made


def _follow(cursor: duckdb.DuckDBPyConnection, folder: Path, now: int) -> int:
    before, newest = one_row(cursor, "select (select known from followed), (select max(known) from observation)")
    if newest is not None and newest > before:
        cursor.execute(f"create or replace temp table fresh as {_NEW}", [before, newest])
        first, last = one_row(cursor, "select min(quarter), max(quarter) from fresh")
        if first is not None:
            with_calendar(cursor, Window(first * QUARTER, (last + 1) * QUARTER))
            for size in SIZES:
                cursor.execute(
                    f"insert into stale select distinct '{size}', series, {size}_begin, {size}_end "  # noqa: S608
                    "from fresh join calendar using (quarter) except all select * from stale"
                )
        cursor.execute("drop table fresh")
        cursor.execute("update followed set known = ?", [newest])
    made = 0
    for size in SIZES:
        while several := _make(cursor, folder, size, now):
            made += several
    return made


def _make(cursor: duckdb.DuckDBPyConnection, folder: Path, size: Size, now: int) -> int:
    """Make the stale windows of one size that are closed: the earliest, and those of the two months from there."""
    (earliest,) = one_row(cursor, 'select min("begin") from stale where size = ?', [size])
    if earliest is None:
        return 0
    now = min(now, earliest + MONTHS)
    due = 'select series, "begin", "end" from stale where size = ? and "end" <= ?'
    count, first, last = one_row(cursor, f'select count(*), min("begin"), max("end") from ({due})', [size, now])  # noqa: S608
    if not count:
        return 0
    within = Window(first, last)
    with_calendar(cursor, within)
    cursor.execute(f"create or replace temp table due as {due}", [size, now])
    source = source_of(cursor, folder, first, last + 1)
    rows = questions.latest(source, [f'"at" >= {first}', f'"at" <= {last}'], has_versions=True, as_of=None)
    columns = ", ".join(questions.figure_columns(FIGURES, RANKS, by_thing=False, by_rank=True))
    cursor.execute(
        "delete from rollup using due where rollup.size = ? and rollup.series = due.series "
        'and rollup."begin" = due."begin"',
        [size],
    )
    cursor.execute(
        f"""insert into rollup select ?, series, "begin", "end", {columns}, max(known) from (
            select row.*, due."begin", due."end", not {SUSPECT} as fine from ({rows}) row
            join (select id, period from series) on id = row.series
            join calendar on quarter = {INSTANT} // {QUARTER}
            join due on due.series = row.series and due."begin" = {size}_begin
        ) group by series, "begin", "end" """,  # noqa: S608
        [size],
    )
    cursor.execute('delete from stale where size = ? and "end" <= ?', [size, now])
    cursor.execute("drop table due")
    return int(count)


def with_calendar(cursor: duckdb.DuckDBPyConnection, within: Window) -> None:
    """Make the temporary table ``calendar``: each quarter of an hour with begin and end of its windows."""
    begin, end = window_at("month", within.begin).begin, window_at("month", within.end - 1).end
    quarters = np.arange(begin // QUARTER, end // QUARTER)
    columns: dict[str, Any] = {"quarter": pa.array(quarters)}
    for size in SIZES:
        length = {"quarter": QUARTER, "hour": HOUR}.get(size)
        if length:
            begins = quarters * QUARTER // length * length
            columns |= {f"{size}_begin": pa.array(begins), f"{size}_end": pa.array(begins + length)}
        else:
            windows = list(windows_between(size, begin, end))
            counts = [(one.end - one.begin) // QUARTER for one in windows]
            for name, instants in (("begin", [one.begin for one in windows]), ("end", [one.end for one in windows])):
                columns[f"{size}_{name}"] = pa.array(np.repeat(np.array(instants, np.int64), counts))
    cursor.register("calendar_given", pa.table(columns))
    cursor.execute("create or replace temp table calendar as select * from calendar_given")
    cursor.unregister("calendar_given")


def with_expired(question: Aggregation, live: questions.Statement) -> questions.Statement:
    """The figures of raw data and, where that has expired, those of roll-ups; columns as ``questions.figures``.

    Of several parts in one window (a year, several things) there are no percentiles, of several things no ends.
    """
    sql, parameters = live
    begin, end = question.range
    size, window = ("month", "first") if question.size == "year" else (question.size, 'kept."begin"')
    join, more = "", list[Any]()
    if question.size == "year":
        _, join, more = questions.window_column("year", question.range, 0)
        join = join.replace('"at"', 'kept."begin"')
    among = "" if question.things is None else " and thing in (select unnest(?))"
    thing = "''" if question.together else "thing"
    ranks = ", ".join(f"ranks[{RANKS.index(one) + 1}]" if one in RANKS else "null" for one in question.percentiles)
    kept = f"""select {thing} as thing, {window} as "begin", kept."begin" as part,
        count, minimum, maximum, total, power, first_number, first_text, last_number, last_text,
        [{ranks}]::double[] as ranks, suspect, estimated, substituted, censored
        from rollup kept join series on id = kept.series join expired on expired.series = kept.series {join}
        where size = ? and quantity = ? and period = ? {among}
        and kept."begin" >= ? and kept."end" <= ? and kept."end" <= before"""  # noqa: S608
    names = "count, minimum, maximum, total, power, first_number, first_text, last_number, last_text, ranks, suspect"
    names += ", estimated, substituted, censored"
    alone = "count(*) = 1" if question.together else "true"
    merged = f"""with live(thing, "begin", {names}) as ({sql}), parts as (
            select thing, "begin", 9223372036854775807 as part, {names} from live union all {kept})
        select thing, "begin", sum(count)::bigint, min(minimum), max(maximum), fsum(total order by part),
        sum(power * count) / nullif(sum(count), 0),
        case when {alone} then arg_min(first_number, part) end, case when {alone} then arg_min(first_text, part) end,
        case when {alone} then arg_max(last_number, part) end, case when {alone} then arg_max(last_text, part) end,
        case when count(*) = 1 then any_value(ranks) else list_transform(any_value(ranks), lambda one: null) end,
        sum(suspect)::bigint, sum(estimated)::bigint, sum(substituted)::bigint, sum(censored)::bigint
        from parts group by 1, 2 order by 1, 2"""  # noqa: S608
    things = [] if question.things is None else [sorted(question.things)]
    return merged, [*parameters, *more, size, question.quantity, question.period, *things, begin, end]
