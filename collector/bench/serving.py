"""What does an answer cost, beside what FastAPI makes of a list, a constant reply, and another SensorThings server?"""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from collector.bench.answering import NOW, PACE, POINTS, QUANTITY, STEP, THINGS, thing
from collector.bench.client import ask, listen

SECONDS = 3.0
ROUNDS = 3
CLIENTS = 8
FIRST = NOW - POINTS * STEP
DEFAULT = "FastAPI's default: a list of dictionaries"
OTHER = "django-ogc-sensorthings==1.2.0"
PAGE = 1_000
_SERIES = f"thing={thing(0)}&quantity={QUANTITY}&to={NOW}"


class Way(NamedTuple):
    """What is asked, of which process."""

    process: subprocess.Popen[bytes]
    url: str
    since: int | None = None


class Rate(NamedTuple):
    answers: float
    """In a second of the one core that serves: what else runs on the machine does not count."""
    size: int
    """Bytes of a body."""


def measure(port: int) -> Iterator[str]:
    """Rows of a table, as they are measured; ``port`` and the two after it are free."""
    with (
        TemporaryDirectory() as folder,
        serving("city", port, folder) as city,
        serving("peer", port + 1, folder) as peer,
    ):
        yield from _points(Way(city, f"http://127.0.0.1:{port}"), Way(peer, f"http://127.0.0.1:{port + 1}"))
        yield ""
        yield from _last(Way(city, f"http://127.0.0.1:{port}"), Way(peer, f"http://127.0.0.1:{port + 1}"))
        yield ""
        yield from _events(f"http://127.0.0.1:{port}", city)
        yield ""
        yield from _pages(Way(city, f"http://127.0.0.1:{port}"), port + 2, Path(folder))


def _points(city: Way, peer: Way) -> Iterator[str]:
    def ours(extension: str, since: int | None = None) -> Way:
        return city._replace(url=f"{city.url}/api/series.{extension}?{_SERIES}", since=since)

    ways = {
        DEFAULT: peer._replace(url=f"{peer.url}/default"),
        "FastAPI, the same with its type declared": peer._replace(url=f"{peer.url}/annotated"),
        "JSON columns, read from the store": ours("json", FIRST - 10**9),
        "JSON columns, unchanged since the last time": ours("json"),
        "Arrow, read from the store": ours("arrow", FIRST - 10**9),
        "Arrow, unchanged since the last time": ours("arrow"),
        "CSV, unchanged since the last time": ours("csv"),
        "Parquet, unchanged since the last time": ours("parquet"),
    }
    found = _rates(ways)
    base = found[DEFAULT].answers
    yield f"{POINTS:,} points                        answers in a second of the core     beside      bytes"
    for name, (rate, size) in found.items():
        yield f"{name:52}{rate:12,.1f}{rate / base:10.1f} ×{size:11,}"
    columns = found["JSON columns, unchanged since the last time"].answers
    live = found["JSON columns, read from the store"].answers
    arrow = found["Arrow, unchanged since the last time"].answers
    arrow_live = found["Arrow, read from the store"].answers
    yield _bar("JSON columns beside the default list", columns / base, 50, f"{live / base:.1f} × read from the store")
    yield _bar("Arrow beside JSON columns", arrow / columns, 2, f"{arrow_live / live:.1f} × read from the store")


def _last(city: Way, peer: Way) -> Iterator[str]:
    size = asyncio.run(ask(f"{city.url}/api/last.json", 0.1)).size
    ways = {
        "a constant reply of 2 bytes": peer._replace(url=f"{peer.url}/constant/2"),
        "a constant reply of the same size": peer._replace(url=f"{peer.url}/constant/{size}"),
        "last values, JSON columns": city._replace(url=f"{city.url}/api/last.json"),
        "last values, Arrow": city._replace(url=f"{city.url}/api/last.arrow"),
        "last values, CSV": city._replace(url=f"{city.url}/api/last.csv"),
    }
    found = _rates(ways)
    constant = found["a constant reply of the same size"].answers
    yield f"last values of {THINGS:,} things         answers in a second of the core  times as long  bytes"
    for name, (rate, own) in found.items():
        yield f"{name:52}{rate:12,.1f}{constant / rate:10.1f} ×{own:11,}"
    ours = found["last values, JSON columns"].answers
    least = found["a constant reply of 2 bytes"].answers / ours
    yield _bar("last values beside a constant reply", constant / ours, 10, f"{least:.1f} × one of 2 bytes", most=True)


def _events(city: str, process: subprocess.Popen[bytes]) -> Iterator[str]:
    before, cpu = time.perf_counter(), _cpu(process.pid)
    heard = asyncio.run(listen(f"{city}/api/events", 3 * SECONDS, CLIENTS))
    share = (_cpu(process.pid) - cpu) / (time.perf_counter() - before)
    each = heard.observations / heard.seconds / CLIENTS
    yield f"{CLIENTS} clients look on while {PACE:,} observations/s are stored"
    yield f"{'heard by each':52}{each:12,.0f} a second"
    yield f"{'dropped, of all together':52}{heard.dropped:12,}"
    yield f"{'of the core that stores and tells':52}{share:12.0%}"


def _pages(city: Way, port: int, folder: Path) -> Iterator[str]:
    """Ours, and ``OTHER`` from PyPI in an environment of its own, made for this."""
    python = _environment(folder / "other")
    if python is None:
        yield f"{OTHER}: cannot be installed here, so nothing stands beside our pages"
        return
    program = Path(__file__).with_name("other_sensorthings.py")
    command = [str(python), str(program), *map(str, (port, folder, POINTS, FIRST, STEP))]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        try:
            path = other.stdout.readline().decode().strip() if other.stdout else ""
            until_answers(other, port)
            query = f"$expand=Datastream&$top={PAGE}"
            ways = {
                OTHER: Way(other, f"http://127.0.0.1:{port}{path}?{query}"),
                "this collector": city._replace(url=f"{city.url}/v1.1/Datastreams(1)/Observations?{query}"),
            }
            found = _rates(ways)
        finally:
            other.terminate()
    theirs, ours = found.values()
    yield f"{PAGE:,} Observations with $expand=Datastream   answers in a second of the core     beside      bytes"
    for name, (rate, size) in found.items():
        yield f"{name:52}{rate:12,.1f}{rate / theirs.answers:10.1f} ×{size:11,}"
    yield _bar("a page of ours beside theirs", ours.answers / theirs.answers, 5, "both from their stores")


def _environment(folder: Path) -> Path | None:
    """The interpreter of a new virtual environment that has ``OTHER``; None where PyPI does not answer."""
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    install = [str(python), "-m", "pip", "install", "--quiet", OTHER, f"uvicorn=={version('uvicorn')}", "httptools"]
    return python if subprocess.run(install, check=False, stderr=subprocess.DEVNULL).returncode == 0 else None


def _rates(ways: dict[str, Way]) -> dict[str, Rate]:
    """The median of several rounds, in which all take turns."""
    rounds = [{name: _rate(way) for name, way in ways.items()} for _ in range(ROUNDS)]
    return {name: Rate(float(np.median([one[name].answers for one in rounds])), rounds[0][name].size) for name in ways}


def _rate(way: Way) -> Rate:
    since = None if way.since is None else way.since + time.time_ns() % 10**8
    cpu = _cpu(way.process.pid)
    count, seconds, size = asyncio.run(ask(way.url, SECONDS / ROUNDS, since=since))
    return Rate(count / ((_cpu(way.process.pid) - cpu) or seconds), size)


def _bar(what: str, ratio: float, bar: float, beside: str, *, most: bool = False) -> str:
    is_met = ratio <= bar if most else ratio >= bar
    sign = "≤" if most else "≥"
    return f"{what}: {ratio:.1f} × (bar: {sign} {bar:g}, {'met' if is_met else 'MISSED'}; {beside})"


def _cpu(pid: int) -> float:
    """Seconds that a process has used; 0 where nobody says."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


@contextmanager
def serving(kind: str, port: int, folder: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that answers on the loopback."""
    command = [sys.executable, "-m", "collector.bench.answering", kind, str(port), folder]
    process = subprocess.Popen(command)
    try:
        until_answers(process, port)
        yield process
    finally:
        process.terminate()
        process.wait(30)


def until_answers(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError(f"nothing answers on port {port}")
