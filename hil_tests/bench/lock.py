"""Who has the rig? One at a time; a second run is told at once who has it, and since when."""

import fcntl
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from getpass import getuser
from pathlib import Path
from typing import TextIO

from hil_tests.instruments.process import BenchError


@contextmanager
def held(rig: str, folder: Path | None = None) -> Iterator[None]:
    """Raises BenchError naming the holder. A holder that dies lets go."""
    file = (folder or Path(tempfile.gettempdir())) / f"senzorika-rig-{rig}.lock"
    with _opened(rig, file) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise BenchError(f"rig {rig}: in use by {_holder(lock.read())}") from None
        lock.truncate(0)
        json.dump({"pid": os.getpid(), "user": getuser(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}, lock)
        lock.flush()
        yield
        lock.truncate(0)


def _opened(rig: str, file: Path) -> TextIO:
    """For everyone who may use this machine, whoever made it."""
    try:
        if not file.exists():
            file.touch(0o666)
            file.chmod(0o666)
        return file.open("r+")
    except PermissionError as error:
        raise BenchError(f"rig {rig}: {file}: {error.strerror}; it belongs to another user") from None


def _holder(text: str) -> str:
    try:
        found = json.loads(text)
        return f"process {found['pid']} of {found['user']} since {found['since']}"
    except (ValueError, KeyError):
        return "somebody who has just begun"
