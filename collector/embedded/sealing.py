"""How do past months leave the table? As sorted Parquet files, one a month of UTC, which other processes may read.

A file holds every version that was known of its month, by quantity, thing, period and time. What arrives afterwards
stays in the table until there is enough of it to write the file again. A file is named once: the next of the same
month has the next number, and the older one goes when nobody can read it any more.
"""

import logging
import os
from pathlib import Path
from typing import NamedTuple

import duckdb

from collector.embedded.marks import word
from collector.embedded.source import INSTANT, NAMES, month_begin, month_name, observations, one_row, parquet, quoted

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


class Written(NamedTuple):
    """A month as it lies in its new file, which nobody reads before ``swap``."""

    month: int
    file: Path
    points: int
    known: int
    """What was known later is not in it."""


def seal(cursor: duckdb.DuckDBPyConnection, folder: Path, month: int) -> int:
    """Write the file of a month out of all that is there, and take it from the table; return its observations.

    Beside a writer: what becomes known meanwhile stays in the table.
    """
    written = write(cursor, folder, month)
    cursor.begin()
    try:
        swap(cursor, written)
        cursor.commit()
    except BaseException:
        cursor.rollback()
        raise
    log.info("sealed %s: %d observations in %s", month_name(month), written.points, written.file.name)
    return written.points


def write(cursor: duckdb.DuckDBPyConnection, folder: Path, month: int, expired: str = "expired") -> Written:
    """The file of a month, durable, without what the table ``expired`` lets go.

    What no roll-up has seen yet stays where roll-ups look for it.
    """
    folder.mkdir(exist_ok=True)
    half = folder / f"{month_name(month)}.partial"
    inside = within(month)
    words = ", ".join(f"{word(place)} as {name}" for place, name in enumerate(("quality", "censored", "derived")))
    cursor.begin()
    try:
        (known,) = one_row(cursor, "select known from followed")
        before = cursor.execute("select file from sealed where month = ?", [month]).fetchall()
        source = observations(cursor, folder, month_begin(month), month_begin(month + 1))
        rows = f"""select thing, quantity, period, {NAMES}, {words} from {source} kept
            join (select id, thing, quantity, period from series) on id = kept.series
            where {inside} and known <= {int(known)} and not exists (
                select 1 from {expired} gone where gone.series = kept.series and {INSTANT} < before)"""  # noqa: S608
        (points,) = one_row(cursor, f"select count(*) from ({rows})")  # noqa: S608
        cursor.execute(
            f"copy ({rows} order by quantity, thing, period, \"at\", known) to '{quoted(half)}' "
            "(format parquet, parquet_version v2, compression zstd, compression_level 3)"
        )
        (written,) = one_row(cursor, f"select count(*) from {parquet([str(half)])}")  # noqa: S608
    finally:
        cursor.rollback()  # it only read
    if written != points:
        raise RuntimeError(f"{half}: {written} observations were written where {points} were to be")
    return Written(month, _named(half, before[0][0] if before else None), int(points), int(known))


def swap(cursor: duckdb.DuckDBPyConnection, written: Written) -> None:
    """In the caller's transaction: from here on the file is read, and what is in it has left the table."""
    cursor.execute(f"delete from observation where {within(written.month)} and known <= ?", [written.known])  # noqa: S608
    cursor.execute("delete from sealed where month = ?", [written.month])
    if written.points:
        cursor.execute("insert into sealed values (?, ?, ?)", [written.month, written.file.name, written.points])


def within(month: int) -> str:
    return f'"at" >= {month_begin(month)} and "at" < {month_begin(month + 1)}'


def sweep(cursor: duckdb.DuckDBPyConnection, folder: Path, *, seen: frozenset[str] | None = None) -> frozenset[str]:
    """Delete the older files of each month, and halves; return the names of those that were spared.

    ``seen`` are those that were spared last time: the others became old since, and a question may be reading them.
    None: nobody reads. A file that is newer than the one in use stays: it may be what another file of the store knows.
    """
    if not folder.is_dir():
        return frozenset()
    used = {month_name(month): file for month, file in cursor.execute("select month, file from sealed").fetchall()}
    old = {file.name for file in folder.glob("*.partial")}
    for file in folder.glob("*.*.parquet"):
        current = used.get(file.name.split(".")[0])
        if current and _number(file.name) < _number(current):
            old.add(file.name)
    spared = frozenset(old - seen if seen is not None else ())
    for name in old - spared:
        (folder / name).unlink(missing_ok=True)
    return spared


def _number(name: str) -> int:
    text = name.split(".")[1]
    return int(text) if text.isdigit() else 0


def _named(half: Path, before: str | None) -> Path:
    """Durable under its own name: ``2026-10.3.parquet`` follows ``2026-10.2.parquet``."""
    number = _number(before) + 1 if before else 1
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
