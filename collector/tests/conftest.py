"""What the collector's tests stand on: a real InfluxDB, a real broker, a quickstart of their own."""

import itertools
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.config import load_config
from collector.entities.inventory import load_inventory
from collector.running.broker import find_program
from collector.tests.influx_servers import certificate, running_influx, running_victoria

_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
_PLACE = int(_WORKER.removeprefix("gw")) % 5 if _WORKER else 5
# Of this worker alone: above those of hil_tests, below outgoing connections, whose range begins at 32768.
_OURS = range(26_000 + 1_000 * _PLACE, 27_000 + 1_000 * _PLACE)
_turns = itertools.count(37 * os.getpid())
_databases = itertools.count(1)


def free_port() -> int:
    for port in (_OURS[next(_turns) % len(_OURS)] for _ in _OURS):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no port is free")


@pytest.fixture(scope="session")
def influx_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    port = free_port()
    with running_influx(tmp_path_factory.mktemp("influx"), port):
        yield port


@pytest.fixture
def influx_url(influx_port: int) -> str:
    """A database nobody has used."""
    return f"influx://127.0.0.1:{influx_port}/test{next(_databases)}"


@pytest.fixture
def influx_with_users(tmp_path: Path) -> Iterator[int]:
    """InfluxDB 1.x where whoever asks needs a name and a word."""
    port = free_port()
    with running_influx(tmp_path, port, auth=True):
        yield port


@pytest.fixture
def influx_over_tls(tmp_path: Path) -> Iterator[int]:
    """InfluxDB 1.x with a certificate of its own: influx.pem in ``tmp_path``."""
    certificate(tmp_path, "influx")
    port = free_port()
    with running_influx(tmp_path, port, tls=True):
        yield port


@pytest.fixture(scope="session")
def victoria_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    port = free_port()
    with running_victoria(tmp_path_factory.mktemp("victoria"), port):
        yield port


@pytest.fixture
def port() -> int:
    return free_port()


class RunningBroker:
    """A real broker with mTLS, from a quickstart of its own; ``kill`` is kill -9."""

    def __init__(self, folder: Path, kind: str) -> None:
        port = free_port()
        command = [sys.executable, "-m", "provisioning", "quickstart", str(folder), "--broker", kind]
        subprocess.run([*command, "--mqtt-port", str(port)], check=True, capture_output=True)
        self.folder = folder
        self.config = load_config(folder / "collector.toml")
        self.inventory = load_inventory(self.config.inventory)
        self.start()

    def start(self) -> None:
        broker = self.config.broker
        with (self.folder / "broker.log").open("ab") as log:
            command = [find_program(broker.kind), "-c", str(broker.config)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                is_answered = probe.connect_ex((broker.host, broker.port)) == 0
            if self._process.poll() is not None:
                break  # whoever answers is a stranger
            if is_answered:
                return
            time.sleep(0.02)
        pytest.fail(f"the broker does not start: {(self.folder / 'broker.log').read_text()[-500:]}")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(10)


@pytest.fixture(params=["nats", "mosquitto"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningBroker]:
    """Every test of this kind runs against both brokers."""
    running = RunningBroker(tmp_path / "city", request.param)
    yield running
    running.kill()
