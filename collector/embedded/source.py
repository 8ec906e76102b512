"""Where do the observations of a stretch of time lie? In the table, and the months that are sealed in Parquet files."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from collector.embedded.columns import COLUMNS

NAMES = ", ".join(COLUMNS)
INSTANT = '("at" - case when period > 0 then 1 else 0 end)'
"""SQL, where a series is joined: what decides the window of an observation (``analysis.windows.window_of``)."""


def month_at(at: int) -> int:
    """The month of UTC that holds an instant, counted from January 1970."""
    when = datetime.fromtimestamp(at / 1000, UTC)
    return (when.year - 1970) * 12 + when.month - 1


def month_begin(month: int) -> int:
    """Ms UTC."""
    return int(datetime(1970 + month // 12, month % 12 + 1, 1, tzinfo=UTC).timestamp()) * 1000


def month_name(month: int) -> str:
    """``2026-10``."""
    return f"{1970 + month // 12}-{month % 12 + 1:02d}"


def observations(
    cursor: duckdb.DuckDBPyConnection, folder: Path, since: int | None, until: int | None, only: str = "true"
) -> str:
    """What to select from, with ``COLUMNS``: every version whose ``at`` may lie in [since, until).

    ``only`` is a condition on thing, quantity and period that all wanted ones meet: sealed months are sorted by these.

    Call it in the transaction of the question: sealing moves observations, and only a snapshot sees them once.
    """
    conditions, parameters = ["true"], []
    if since is not None:
        conditions.append("month >= ?")
        parameters.append(_safe_month(since))
    if until is not None:
        conditions.append("month <= ?")
        parameters.append(_safe_month(until))
    sql = f"select file from sealed where {' and '.join(conditions)} order by month"  # noqa: S608  # our own words
    files = [str(folder / name) for (name,) in cursor.execute(sql, parameters).fetchall()]
    if not files:
        return "observation"
    sealed = f"select {NAMES} from {parquet(files)} where {only}"  # noqa: S608
    return f"(select {NAMES} from observation union all {sealed})"  # noqa: S608


def of_series(quantity: str, period: int, thing: str | None = None) -> str:
    """For ``only``."""
    condition = f"quantity = '{quoted(quantity)}' and period = {int(period)}"
    return condition if thing is None else f"{condition} and thing = '{quoted(thing)}'"


def one_row(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[Any] | None = None
) -> tuple[Any, ...]:
    """The only row of an answer, read to its end: until then DuckDB does nothing else on the connection."""
    (row,) = connection.execute(sql, parameters).fetchall()
    return tuple(row)


def parquet(files: Iterable[str]) -> str:
    """``read_parquet`` over files, their names quoted."""
    names = ", ".join(f"'{quoted(name)}'" for name in files)
    return f"read_parquet([{names}])"


def quoted(path: Path | str) -> str:
    """Between the quotes of SQL."""
    return str(path).replace("'", "''")


def _safe_month(at: int) -> int:
    return month_at(min(max(at, 0), 253_370_000_000_000))  # the years that a calendar knows
