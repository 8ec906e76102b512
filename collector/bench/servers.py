"""Which foreign servers stand beside? InfluxDB 1.6 and VictoriaMetrics, each on the loopback in a folder of its own."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

_INFLUX = """
reporting-disabled = true
bind-address = "127.0.0.1:0"
[meta]
dir = "{folder}/meta"
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
query-log-enabled = false
cache-snapshot-write-cold-duration = "3s"
compact-full-write-cold-duration = "6s"
[http]
bind-address = "127.0.0.1:{port}"
log-enabled = false
auth-enabled = {auth}
https-enabled = {tls}
https-certificate = "{folder}/influx.pem"
https-private-key = "{folder}/influx.key"
[monitor]
store-enabled = false
[logging]
level = "warn"
"""


def influx_settings(folder: Path, port: int, *, auth: bool = False, tls: bool = False) -> Path:
    """The configuration of an influxd 1.x on the loopback, written into its folder.

    ``tls`` wants influx.pem and influx.key there.
    """
    file = folder / "influx.conf"
    switches = {"auth": str(auth).lower(), "tls": str(tls).lower()}
    file.write_text(_INFLUX.format(folder=folder, port=port, **switches))
    return file


class Influx(NamedTuple):
    folder: Path
    """Of its data."""
    process: int


@contextmanager
def influx(port: int, gogc: int = 400) -> Iterator[Influx | None]:
    """As the README of the collector sets it up; None where it is not installed. Go's own ``gogc`` is 100."""
    if shutil.which("influxd") is None:
        yield None
        return
    with TemporaryDirectory() as folder:
        settings = influx_settings(Path(folder), port)
        with _running(["env", f"GOGC={gogc}", "influxd", "-config", str(settings)], port) as process:
            yield Influx(Path(folder), process)


@contextmanager
def victoria(port: int) -> Iterator[Path | None]:
    """The folder of its data, or None. It answers before it is durable, so it is a peer for speed and no store."""
    if shutil.which("victoria-metrics") is None:
        yield None
        return
    with TemporaryDirectory() as folder:
        settings = [f"-httpListenAddr=127.0.0.1:{port}", f"-storageDataPath={folder}/data", "-retentionPeriod=100y"]
        with _running(["victoria-metrics", *settings], port):
            yield Path(folder)


@contextmanager
def _running(command: list[str], port: int) -> Iterator[int]:
    """Its process id."""
    if _answers(port):
        raise RuntimeError(f"port {port} is taken")
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while not _answers(port):
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} does not start")
            time.sleep(0.05)
        yield server.pid
    finally:
        server.terminate()
        server.wait(30)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def size_of(folder: Path) -> int:
    """Bytes of all files below."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
