"""How is the store copied while it runs? A snapshot: the table, and the sealed months that go with it."""

import shutil
from pathlib import Path

import duckdb

from collector.embedded.answers import as_store_error
from collector.embedded.source import one_row, quoted
from collector.store import StoreError


def copy(cursor: duckdb.DuckDBPyConnection, copied: Path, sealed: Path, into: Path) -> None:
    """To a file that is new, and the sealed months beside it; StoreError leaves a part of it there."""
    try:
        with as_store_error():
            cursor.execute(f"attach '{quoted(copied)}' as backup_copy")
            cursor.begin()
            files = [name for (name,) in cursor.execute("select file from sealed").fetchall()]
            (here,) = one_row(cursor, "select current_database()")
            cursor.execute(f'copy from database "{here}" to backup_copy')
            into.mkdir()
            for name in files:
                shutil.copyfile(sealed / name, into / name)
            cursor.commit()
    except OSError as error:
        raise StoreError(f"duckdb: backup: {error}") from error


def detach(cursor: duckdb.DuckDBPyConnection) -> None:
    """The copy is attached to the database, not to the cursor: else every later backup would be refused."""
    with as_store_error():
        cursor.execute("detach database if exists backup_copy")
