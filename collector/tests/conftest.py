"""What the collector's tests stand on: a real InfluxDB, a real broker, a quickstart of their own."""

import itertools
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

_ports = itertools.count(20_000 + os.getpid() % 100 * 100)  # below 32768: no outgoing connection sits there
_databases = itertools.count(1)


def free_port() -> int:
    for port in _ports:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no port is free")


_INFLUX = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
dir = "{folder}/meta"
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
query-log-enabled = false
[http]
bind-address = "127.0.0.1:{port}"
log-enabled = false
[monitor]
store-enabled = false
"""


@pytest.fixture(scope="session")
def influx_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A real influxd 1.x on the loopback."""
    program = shutil.which("influxd")
    if program is None:
        pytest.skip("there is no influxd here (apt install influxdb)")
    folder = tmp_path_factory.mktemp("influx")
    port = free_port()
    (folder / "influx.conf").write_text(_INFLUX.format(folder=folder, port=port, rpc=free_port()))
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([program, "-config", str(folder / "influx.conf")], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 20
        while not _answers(port):
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"influxd does not start: {(folder / 'log').read_text()[-500:]}")
            time.sleep(0.05)
        yield port
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture
def influx_url(influx_port: int) -> str:
    """A database nobody has used."""
    return f"influx://127.0.0.1:{influx_port}/test{next(_databases)}"


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 204
    except OSError:
        return False
    finally:
        connection.close()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A quickstart directory, made by the command a newcomer's collector runs."""
    folder = tmp_path_factory.mktemp("city")
    command = [shutil.which("python3") or "python3", "-m", "provisioning", "quickstart", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return folder
