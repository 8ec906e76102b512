"""Which raw observations may go? Whole local months, by rule; what they amounted to stays in the roll-ups."""

from collections.abc import Iterable
from pathlib import Path

import duckdb

from collector.analysis.windows import window_at
from collector.embedded import sealing
from collector.embedded.source import month_at, one_row
from collector.observation import Series
from collector.stores import Keep

DAY = 24 * 3_600_000


def cutoffs(rules: Iterable[Keep], series: Iterable[tuple[int, Series]], now: int) -> dict[int, int]:
    """Number of a series -> the begin of the local month before which its raw observations may go; ms UTC."""
    several = list(rules)
    found = {}
    for number, one in series:
        days = next((rule.days for rule in several if rule.covers(one)), None)
        if days is not None:
            found[number] = window_at("month", max(0, now - days * DAY)).begin
    return found


def expire(cursor: duckdb.DuckDBPyConnection, folder: Path, before: dict[int, int], since: int) -> int:
    """Drop the raw observations of these series from before these times; return how many left the table.

    Sealed months that may hold some are written again; there are none left before ``since`` (ms UTC).

    Call it when nothing older can arrive any more and all roll-ups are made.
    """
    cursor.begin()
    try:
        for number, instant in before.items():
            cursor.execute("delete from expired where series = ?", [number + 1])
            cursor.execute("insert into expired values (?, ?)", [number + 1, instant])
        instants = '"at" - case when period > 0 then 1 else 0 end'
        gone = f"""select o.series, o."at", o.known from observation o join series on id = o.series
            join expired on expired.series = o.series where {instants} < before"""  # noqa: S608
        (count,) = one_row(cursor, f"select count(*) from ({gone})")  # noqa: S608
        if count:
            cursor.execute(
                f"""delete from observation using series, expired where id = observation.series
                and expired.series = observation.series and {instants} < before"""  # noqa: S608
            )
        cursor.execute(
            'delete from superseded using expired where expired.series = superseded.series and "at" < before'
        )
        months = [month for (month,) in cursor.execute("select month from sealed order by 1").fetchall()]
        cursor.commit()
    except BaseException:
        cursor.rollback()
        raise
    for month in months:
        if month_at(since) <= month <= month_at(max(before.values())):
            sealing.seal(cursor, folder, month)
    return int(count)
