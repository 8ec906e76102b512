"""A real PostgreSQL of our own: a socket in a directory, nobody else's port, gone at the end."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def programs() -> Path | None:
    """Where initdb and postgres are: Debian keeps them off PATH."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((place for place in reversed(places) if (place / "initdb").exists()), None)


@contextmanager
def running(place: Path) -> Iterator[Path]:
    """The directory of its socket; everybody on it is ``senzorika``."""
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))  # a socket's path is short
    owner = {}
    if os.getuid() == 0:  # it refuses to run as root
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        owner = {"user": nobody.pw_uid, "group": nobody.pw_gid}
    data = folder / "data"
    make = [place / "initdb", "-D", data, "-U", "senzorika", "-A", "trust", "--no-sync", "-E", "UTF8"]
    server = None
    try:
        subprocess.run(make, check=True, capture_output=True, cwd=folder, **owner)
        command = [place / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses="]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, **owner)
        deadline = time.monotonic() + 20
        ready = [place / "pg_isready", "-q", "-h", folder]  # its socket is there before it takes anyone
        while subprocess.run(ready, check=False).returncode:
            assert server.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield folder
    finally:
        if server is not None:
            server.send_signal(2)  # SIGINT: it ends every session, then itself
            server.wait(20)
        shutil.rmtree(folder, ignore_errors=True)
