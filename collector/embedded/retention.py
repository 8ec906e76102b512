"""Which raw observations may go? Whole local months, by rule; what they amounted to stays in the roll-ups."""

from collections.abc import Iterable
from pathlib import Path

import duckdb
import pyarrow as pa

from collector.analysis.windows import window_at
from collector.embedded import sealing
from collector.embedded.source import INSTANT, month_at, one_row, parquet
from collector.observation import Series
from collector.store import Keep

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


def due(cursor: duckdb.DuckDBPyConnection, cutoffs: dict[int, int]) -> dict[int, int]:
    """Those of the cutoffs that are later than what has expired already."""
    expired = dict(cursor.execute("select series, before from expired").fetchall())
    return {number: instant for number, instant in cutoffs.items() if instant > expired.get(number + 1, 0)}


def expire(cursor: duckdb.DuckDBPyConnection, folder: Path, before: dict[int, int]) -> int:
    """Drop the raw observations of these series from before these times; return how many left the table.

    Call it when nothing older can arrive any more and all roll-ups are made. First the sealed months are written
    anew that hold some, then one transaction changes all: at no moment do raw data and roll-ups count twice.
    """
    several = pa.table({"series": [number + 1 for number in before], "before": list(before.values())})
    cursor.register("cutoff_given", several)
    cursor.execute(
        "create or replace temp table cutoff as select series::integer as series, before::bigint as before "
        "from cutoff_given union all select series, before from expired where series not in "
        "(select series from cutoff_given)"
    )
    cursor.unregister("cutoff_given")
    written = [sealing.write(cursor, folder, month, "cutoff") for month in _to_write(cursor, folder, before)]
    gone = f"""from observation using cutoff, series where cutoff.series = observation.series
        and id = observation.series and {INSTANT} < before"""
    cursor.begin()
    try:
        for one in written:
            sealing.swap(cursor, one)
        (count,) = one_row(cursor, f"delete {gone}")
        cursor.execute('delete from superseded using cutoff where cutoff.series = superseded.series and "at" < before')
        cursor.execute("delete from expired")
        cursor.execute("insert into expired select series, before from cutoff")
        cursor.commit()
    except BaseException:
        cursor.rollback()
        raise
    finally:
        cursor.execute("drop table cutoff")
    return int(count)


def _to_write(cursor: duckdb.DuckDBPyConnection, folder: Path, before: dict[int, int]) -> list[int]:
    """The sealed months with something that goes."""
    last = month_at(max(before.values()))
    sealed = cursor.execute("select month, file from sealed where month <= ? order by month", [last]).fetchall()
    holds = f"select count(*) from {{file}} kept join cutoff using (series) where {INSTANT} < before"  # noqa: S608
    return [
        month for month, file in sealed if one_row(cursor, holds.format(file=parquet([str(folder / file)]))) != (0,)
    ]
