"""How are observations of some series erased, raw and rolled up, sealed or not? So that no question finds them again.

The blocks they stood in are free then, and are overwritten as the file is used; backups made before still hold them.
"""

from pathlib import Path

import duckdb
import pyarrow as pa

from collector.embedded import sealing
from collector.embedded.source import month_at, one_row, parquet

_HOLDS = 'from {source} kept join erased using (series) where "at" < until'
_WINDOWS = 'series in (select series from erased) and "begin" < ?'


def erase(cursor: duckdb.DuckDBPyConnection, folder: Path, ids: list[int], before: int) -> int:
    """Erase what these series (ids, from 1) measured before that time (ms UTC); return how many versions.

    The sealed months that hold some are written anew first, then one transaction changes all, then the old files go.
    Call it when nobody seals at the same time.
    """
    cursor.register("erased_given", pa.table({"id": pa.array(ids, pa.int32())}))
    cursor.execute(
        f"create or replace temp table erased as select id as series, {int(before)}::bigint as before, "  # noqa: S608
        f"{int(before)}::bigint + (period > 0)::int as until from series where id in (select id from erased_given)"
    )
    cursor.unregister("erased_given")
    try:
        months = _months(cursor, folder, before)
        written = [sealing.write(cursor, folder, month, "erased") for month in months]
        cursor.begin()
        try:
            for one in written:
                sealing.swap(cursor, one)
            (left,) = one_row(cursor, f"select count(*) {_HOLDS.format(source='observation')}")
            for table in ("observation", "superseded"):
                cursor.execute(
                    f'delete from {table} using erased where erased.series = {table}.series and "at" < until'  # noqa: S608
                )
            cursor.execute(
                f'insert into stale select distinct size, series, "begin", "end" from rollup '  # noqa: S608
                f'where {_WINDOWS} and "end" > ?',
                [before, before],
            )
            cursor.execute(f"delete from rollup where {_WINDOWS}", [before])  # noqa: S608
            cursor.execute(f'delete from stale where {_WINDOWS} and "end" <= ?', [before, before])  # noqa: S608
            cursor.commit()
        except BaseException:
            cursor.rollback()
            raise
    finally:
        cursor.execute("drop table erased")
    cursor.execute("force checkpoint")
    sealing.sweep(cursor, folder)
    return int(left) + sum(months.values())


def _months(cursor: duckdb.DuckDBPyConnection, folder: Path, before: int) -> dict[int, int]:
    """The sealed months with something that goes, and how much."""
    sealed = cursor.execute("select month, file from sealed where month <= ? order by month", [month_at(before)])
    found = {}
    for month, file in sealed.fetchall():
        source = parquet([str(folder / file)])
        (count,) = one_row(cursor, f"select count(*) {_HOLDS.format(source=source)}")
        if count:
            found[month] = int(count)
    return found
