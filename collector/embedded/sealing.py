"""How do past months leave the table? As sorted Parquet files, one a month of UTC, which other processes may read.

A file holds every version that was known of its month, by quantity, thing, period and time. What arrives afterwards
stays in the table until there is enough of it to write the file again. A file is named once: the next of the same
month has the next number, and the older one goes when nobody can read it any more.
"""

import logging
import os
from pathlib import Path

import duckdb

from collector.embedded.marks import word
from collector.embedded.source import NAMES, month_begin, month_name, observations, one_row, parquet, quoted

log = logging.getLogger("collector.sealing")

GRACE = 7 * 24 * 3_600_000  # ms after its end until a month is sealed: most outages are over
WORTH_IT = 50_000  # late observations until a file is written again
_MONTH = "date_diff('month', timestamp '1970-01-01', epoch_ms(\"at\"))"


def due(cursor: duckdb.DuckDBPyConnection, now: int) -> list[int]:
    """The months to seal now, for the first time or again."""
    counts = cursor.execute(f"select {_MONTH} as month, count(*) from observation group by 1 order by 1").fetchall()  # noqa: S608
    sealed = {month for (month,) in cursor.execute("select month from sealed").fetchall()}
    return [
        month
        for month, count in counts
        if month_begin(month + 1) + GRACE <= now and (month not in sealed or count >= WORTH_IT)
    ]


def seal(cursor: duckdb.DuckDBPyConnection, folder: Path, month: int) -> int:
    """Write the file of a month out of all that is there, and take it from the table; return its observations.

    Beside a writer: what becomes known meanwhile stays in the table.
    """
    begin, end = month_begin(month), month_begin(month + 1)
    inside = f'"at" >= {begin} and "at" < {end}'
    folder.mkdir(exist_ok=True)
    half = folder / f"{month_name(month)}.partial"
    cursor.begin()
    try:
        (known,) = one_row(cursor, f"select max(known) from observation where {inside}")  # noqa: S608
        before = cursor.execute("select file from sealed where month = ?", [month]).fetchall()
        source = observations(cursor, folder, begin, end)
        words = ", ".join(f"{word(place)} as {name}" for place, name in enumerate(("quality", "censored", "derived")))
        rows = f"""select thing, quantity, period, {NAMES}, {words} from {source} kept
            join (select id, thing, quantity, period from series) on id = kept.series where {inside} and not exists (
                select 1 from expired where expired.series = kept.series
                and "at" - case when period > 0 then 1 else 0 end < before)"""  # noqa: S608
        (points,) = one_row(cursor, f"select count(*) from ({rows})")  # noqa: S608
        cursor.execute(
            f"copy ({rows} order by quantity, thing, period, \"at\", known) to '{quoted(half)}' "
            "(format parquet, parquet_version v2, compression zstd, compression_level 3)"
        )
        (written,) = one_row(cursor, f"select count(*) from {parquet([str(half)])}")  # noqa: S608
        cursor.rollback()  # it only read
    except BaseException:
        cursor.rollback()
        raise
    if written != points:
        raise RuntimeError(f"{half}: {written} observations were written where {points} were to be")
    file = _named(half, before[0][0] if before else None)
    cursor.begin()
    try:
        cursor.execute(f"delete from observation where {inside} and known <= ?", [known or 0])  # noqa: S608
        cursor.execute("delete from sealed where month = ?", [month])
        if points:
            cursor.execute("insert into sealed values (?, ?, ?)", [month, file.name, points])
        cursor.commit()
    except BaseException:
        cursor.rollback()
        raise
    log.info("sealed %s: %d observations in %s", month_name(month), points, file.name)
    return int(points)


def sweep(cursor: duckdb.DuckDBPyConnection, folder: Path, *, seen: frozenset[str] | None = None) -> frozenset[str]:
    """Delete the files that are nobody's; return the names of those that were spared.

    ``seen`` are those that were spared last time: the others became nobody's since, and a question may be reading them.
    None: nobody reads.
    """
    if not folder.is_dir():
        return frozenset()
    own = {name for (name,) in cursor.execute("select file from sealed").fetchall()}
    others = frozenset(file.name for file in folder.iterdir()) - own
    spared = others - seen if seen is not None else frozenset()
    for name in others - spared:
        (folder / name).unlink(missing_ok=True)
    return spared


def _named(half: Path, before: str | None) -> Path:
    """Durable under its own name: ``2026-10.3.parquet`` follows ``2026-10.2.parquet``."""
    number = int(before.split(".")[1]) + 1 if before else 1
    file = half.with_name(f"{half.stem}.{number}.parquet")
    with half.open("rb") as written:
        os.fsync(written.fileno())
    half.rename(file)
    directory = os.open(half.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return file
