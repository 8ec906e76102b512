"""`make demo` as a person runs it."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from hil_tests import demo
from hil_tests.instruments.process import BenchError, answers, free_ports, wait_until


def command(ports: Sequence[int], *options: str) -> list[str]:
    mqtt, http = map(str, ports)
    return [sys.executable, "-m", "hil_tests.demo", "--mqtt-port", mqtt, "--http-port", http, *options]


def processes_of(directory: str) -> list[str]:
    """The command lines of all that runs in or with the demo's directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            if directory in line or str((process / "cwd").readlink()).startswith(directory):
                found.append(line)
        except OSError:  # it ended meanwhile
            continue
    return found


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("store", ["duckdb", "influx"])
def test_the_demo_judges_itself_and_leaves_nothing(store: str) -> None:
    ran = subprocess.run(
        command(free_ports(2), "--seconds", "15", "--store", store), capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Every value that a sensor gave is stored once." in ran.stdout
    assert len(re.findall(r"^(?:gw|park|water)-\d{4} +[1-9]", ran.stdout, re.MULTILINE)) == 7
    (directory,) = re.findall(r"data and logs in (\S+)", ran.stdout)
    assert not Path(directory).exists()
    assert processes_of(directory) == []


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("told", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_a_second_start_says_that_the_port_is_taken_and_one_that_is_told_to_end_leaves_no_process(
    told: signal.Signals, status: int, tmp_path: Path
) -> None:
    ports = free_ports(2)
    log = tmp_path / "demo.log"
    with log.open("w") as file:
        first = subprocess.Popen(command(ports), stdout=file, env={**os.environ, "TMPDIR": str(tmp_path)})
    try:
        wait_until(lambda: "Ctrl-C stops it." in log.read_text(), "the demo is up", 150)
        assert answers(ports[1])
        second = subprocess.run(command(ports), capture_output=True, text=True, check=False)
        assert second.returncode == 2
        assert second.stderr == (
            f"demo: port {ports[0]} (MQTT) is taken: is another demo running? Stop it, or choose another port\n"
        )
        assert answers(ports[1])
        first.send_signal(told)
        assert first.wait(90) == status
    finally:
        first.kill()  # one that did not stop: what it started dies with it
    assert processes_of(str(tmp_path)) == []


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_without_a_micropython_the_gateway_runs_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def find(name: str) -> str:
        raise BenchError(f"{name} is not installed")

    monkeypatch.setattr(demo, "find", find)
    mqtt, http = map(str, free_ports(2))
    assert demo.main(["--seconds", "10", "--mqtt-port", mqtt, "--http-port", http]) == 0
    said = capsys.readouterr()
    assert "So there are no nodes here: the gateway runs alone." in said.err
    assert "1 publishers, 8 things" in said.out
