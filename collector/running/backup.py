"""How is a running collector copied, so that the copy can be started? First the ledger, then the store.

In this order a restored ledger never claims what the restored store lacks; what arrived between the two is in the store
alone, and is asked for again or simply known already. Certificates and keys are not copied.
"""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Protocol

from collector.running.control import RefusedError
from collector.store import NotOfferedError, StoreError

METADATA = "registry.sqlite"


class Copying(Protocol):
    """A store, as far as it is copied; called beside its writer."""

    def backup(self, folder: Path) -> None: ...


def back_up(target: Path, metadata: Path, store: Copying, files: tuple[Path, ...]) -> int:
    """Copy everything into ``target``, new or empty, and return the bytes; blocking. Raises RefusedError.

    It is made beside it as ``TARGET.partial``, flushed to the disk and renamed: what bears the name is whole.
    """
    partial = target.with_name(f"{target.name}.partial")
    _refuse_what_is_there(target, partial)
    try:
        partial.mkdir(mode=0o700, parents=True)
        try:
            _copy_metadata(metadata, partial / METADATA)
            _copy_store(store, partial)
            for file in files:
                shutil.copyfile(file, partial / file.name)
            size = _flush(partial)
            partial.rename(target)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        _flush_folder(target.parent)
    except NotOfferedError as error:
        raise RefusedError(f"store.url: {error}") from None
    except (StoreError, sqlite3.Error) as error:
        raise RefusedError(f"{target}: {error}") from None
    except OSError as error:
        raise RefusedError(f"{error.filename or target}: {error.strerror}") from None
    return size


def _refuse_what_is_there(target: Path, partial: Path) -> None:
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise RefusedError(f"{target}: expected a new or an empty directory")
    if partial.exists():
        raise RefusedError(f"{partial}: left by a backup that was not finished, or is being made now: remove it first")


def _copy_metadata(source: Path, target: Path) -> None:
    """By SQLite itself: one moment of the file, while others go on writing it."""
    with closing(sqlite3.connect(source)) as here, closing(sqlite3.connect(target)) as there:
        here.backup(there)


def _copy_store(store: Copying, folder: Path) -> None:
    """A store is given a folder of its own; a data directory holds everything side by side."""
    own = folder / "store"
    own.mkdir()
    store.backup(own)
    for one in own.iterdir():
        one.rename(folder / one.name)
    own.rmdir()


def _flush(folder: Path) -> int:
    """Put everything in it on the disk; return the bytes of its files."""
    size = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with (Path(place) / name).open("rb") as file:
                os.fsync(file.fileno())
                size += os.fstat(file.fileno()).st_size
        _flush_folder(Path(place))
    return size


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
