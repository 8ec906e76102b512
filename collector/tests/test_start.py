"""Started without a manual: one command, one page, and every error a newcomer can make in one clear line."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from .conftest import free_port  # type: ignore[import-not-found]

COMMAND = [sys.executable, "-m", "collector"]


@contextmanager
def started(folder: Path, *arguments: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The collector with what it printed up to its first empty read; killed at the end, if it still runs."""
    with (folder / "printed").open("w") as out:
        process = subprocess.Popen(
            [*COMMAND, *arguments], cwd=folder, stdout=out, stderr=out, text=True, env=os.environ | environment
        )
    try:
        deadline = time.monotonic() + 120
        while "mosquitto_pub" not in (folder / "printed").read_text() and process.poll() is None:
            assert time.monotonic() < deadline, (folder / "printed").read_text()
            time.sleep(0.05)
        yield process, (folder / "printed").read_text()
    finally:
        process.kill()
        process.wait()


def quickstart(folder: Path, *more: str, kind: str = "nats") -> tuple[int, int]:
    """Return (MQTT port, HTTP port) of a quickstart in ./senzorika-data."""
    mqtt, http = free_port(), free_port()
    command = [sys.executable, "-m", "provisioning", "quickstart", str(folder / "senzorika-data"), "--broker", kind]
    subprocess.run(
        [*command, "--mqtt-port", str(mqtt), "--http-port", str(http), *more], check=True, capture_output=True
    )
    return mqtt, http


def get(port: int, path: str, token: str = "") -> tuple[int, bytes]:
    deadline = time.monotonic() + 120
    while True:
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request("GET", path, headers={"authorization": f"Bearer {token}"} if token else {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        finally:
            connection.close()


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@pytest.mark.parametrize("kind", ["nats", "mosquitto"])
def test_the_printed_line_makes_a_first_reading_appear_and_a_signal_leaves_nothing(tmp_path: Path, kind: str) -> None:
    mqtt, http = quickstart(tmp_path, kind=kind)
    with started(tmp_path) as (process, printed):
        assert f"http://127.0.0.1:{http}/" in printed
        line = next(line for line in printed.splitlines() if "mosquitto_pub" in line)
        subprocess.run(["bash", "-c", line], check=True)
        deadline = time.monotonic() + 120
        while b'"occupied"' not in get(http, "/api/things")[1]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        until(lambda: get(http, "/health")[0] == 200, "it is well")  # a commit may be on its way to the disk for long
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0
    last = (tmp_path / "printed").read_text()
    assert not [word for word in ("Traceback", "leaked") if word in last]
    assert is_free(mqtt)
    assert is_free(http)


def test_a_killed_collector_takes_its_broker_with_it(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux tells a child that its parent died")
    mqtt, _ = quickstart(tmp_path)
    with started(tmp_path) as (process, _):
        assert not is_free(mqtt)
        process.kill()
        process.wait()
    deadline = time.monotonic() + 120
    while not is_free(mqtt):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_without_a_configuration_everything_is_made(tmp_path: Path) -> None:
    http, made = 8080, tmp_path / "senzorika-data"
    with started(tmp_path) as (process, printed):
        is_begun = process.poll() is None
        if is_begun:
            is_well(http, made, printed)
    if not is_begun:  # somebody uses a port of a first start: what was made is moved to others
        assert "127.0.0.1:8080 cannot be used" in printed or "127.0.0.1:8883 cannot be used" in printed
        mqtt, http = free_port(), free_port()
        for file in (made / "collector.toml", *(made / "broker").glob("*.conf")):
            file.write_text(file.read_text().replace("8883", str(mqtt)).replace("8080", str(http)))
        with started(tmp_path) as (_, printed):
            is_well(http, made, printed)


def is_well(http: int, made: Path, printed: str) -> None:
    assert str(made / "data") in printed
    until(lambda: json.loads(get(http, "/health")[1])["well"] is True, "it is well")


def until(is_true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 120
    while not is_true():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def register(folder: Path, thing: str) -> None:
    """Add the thing to the inventory, and to what the first publisher may speak for."""
    inventory = folder / "senzorika-data" / "inventory.toml"
    text = inventory.read_text().replace('things = ["', f'things = ["{thing}", "')
    entry = f'\n[[thing]]\nid = "{thing}"\nname = {{ sl = "a", it = "b", en = "c" }}\ncenter = "mobility"\n'
    inventory.write_text(text + entry)


def told(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What a second command says to the collector that runs."""
    return subprocess.run([*COMMAND, *arguments], cwd=folder, check=False, capture_output=True, text=True, timeout=120)


def test_a_running_collector_takes_what_is_registered_meanwhile(tmp_path: Path) -> None:
    _, http = quickstart(tmp_path, "--store", "memory:")
    with started(tmp_path) as (_, printed):
        line = next(line for line in printed.splitlines() if "mosquitto_pub" in line)
        first, *others = held = [f"spot-{number:04}" for number in range(2, 20)]
        for thing in held:
            subprocess.run(["bash", "-c", line.replace('"spot-0001"', f'"{thing}"')], check=True)
        token = next(line.strip() for line in printed.splitlines() if line.strip().startswith("senzorika_"))
        until(lambda: held[-1].encode() in get(http, "/api/quarantine", token)[1], "all are held")
        register(tmp_path, first)
        until(lambda: b'"occupied"' in get(http, "/api/things")[1], "the first one is released")
        for left in range(len(others) - 1, 0, -1):
            register(tmp_path, others[left])
            answer = told(tmp_path, "release", "--publisher", "park-0001")
            assert (answer.returncode, answer.stderr) == (0, "")
            if answer.stdout != f"0 observations of park-0001 released, {left} readings still held\n":
                break  # else the collector had looked by itself before it was told to
        assert answer.stdout == f"1 observations of park-0001 released, {left} readings still held\n"
        still = f"0 observations of all publishers released, {left} readings still held\n"
        assert told(tmp_path, "release").stdout == still


def test_a_running_collector_backs_itself_up_or_says_why_not(tmp_path: Path) -> None:
    for store, name in (("duckdb:observations.duckdb", "kept"), ("memory:", "forgetful")):
        folder = tmp_path / name
        folder.mkdir()
        quickstart(folder, "--store", store)
        made = folder / "senzorika-data" / "collector.toml"
        made.write_text('meters = "meters.toml"\n' + made.read_text())
        made.with_name("meters.toml").write_text("")
        with started(folder):
            answer = told(folder, "backup", "copies/monday")
            again = told(folder, "backup", "copies/monday") if store != "memory:" else answer
        if store == "memory:":
            assert (answer.returncode, answer.stdout) == (2, "")
            assert answer.stderr.startswith("senzorika-collector: store.url: memory: ")
            continue
        assert (answer.returncode, answer.stderr) == (0, "")
        assert answer.stdout.startswith(f"{folder}/copies/monday: ")
        copied = {file.name for file in (folder / "copies/monday").iterdir()}
        files = {
            "registry.sqlite",
            "observations.duckdb",
            "inventory.toml",
            "collector.toml",
            "audit.log",
            "meters.toml",
        }
        assert files <= copied
        assert again.stderr == f"senzorika-collector: {folder}/copies/monday: expected a new or an empty directory\n"
        config = folder / "senzorika-data" / "collector.toml"
        config.write_text(config.read_text().replace('data = "data"', f'data = "{folder}/copies/monday"'))
        with started(folder) as (_, printed):
            assert f"data in {folder}/copies/monday" in printed


def test_a_second_collector_on_the_same_data_is_refused(tmp_path: Path) -> None:
    quickstart(tmp_path, "--store", "memory:")
    with started(tmp_path) as (process, _):
        assert f"data: a collector (process {process.pid}) already runs on " in refused(tmp_path)


def test_who_asks_a_collector_that_does_not_run_is_told(tmp_path: Path) -> None:
    config = str(tmp_path / "senzorika-data" / "collector.toml")
    assert "collector.toml: No such file" in refused(tmp_path, "release")
    quickstart(tmp_path)
    assert "no collector is running on " in refused(tmp_path, "release", "--config", config)
    assert "no collector is running on " in refused(tmp_path, "--config", config, "backup", "copy")


def refused(folder: Path, *arguments: str, **environment: str) -> str:
    ended = subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | environment,
    )
    assert ended.returncode == 2, ended.stderr
    assert ended.stderr.count("\n") == 1, ended.stderr
    assert ended.stderr.startswith("senzorika-collector: ")
    return ended.stderr


@pytest.mark.parametrize("which", [0, 1])
def test_a_port_that_is_taken_is_named(tmp_path: Path, which: int) -> None:
    ports = quickstart(tmp_path)
    with socket.socket() as other:
        other.bind(("127.0.0.1", ports[which]))
        other.listen()
        message = refused(tmp_path)
    assert f"{('broker.port', 'http.port')[which]}: 127.0.0.1:{ports[which]} cannot be used" in message


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "senzorika-data").write_text("a file stands in the way")
    assert "senzorika-data" in refused(tmp_path)


def test_a_data_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    quickstart(tmp_path)
    (tmp_path / "senzorika-data" / "data").write_text("a file stands in the way")
    assert "data: " in refused(tmp_path)


def test_a_missing_broker_is_named_with_its_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from collector.running import broker  # noqa: PLC0415  # the module whose search is emptied

    monkeypatch.setattr(broker.shutil, "which", lambda *_args, **_more: None)
    for kind in ("nats", "mosquitto"):
        with pytest.raises(broker.StartError, match=f"{kind}: there is no program .* brings it"):
            broker.find_program(kind)


def test_a_broker_that_ends_at_once_is_quoted(tmp_path: Path) -> None:
    quickstart(tmp_path)
    config = tmp_path / "senzorika-data" / "broker" / "nats.conf"
    config.write_text(config.read_text().replace("jetstream {", "jetstraem {"))
    assert "jetstraem" in refused(tmp_path)


def test_a_wrong_store_is_named(tmp_path: Path) -> None:
    quickstart(tmp_path, "--store", "parquet:here")
    assert "store.url: expected one of duckdb:, influx:, memory:" in refused(tmp_path)


def test_a_store_that_does_not_answer_is_named(tmp_path: Path) -> None:
    quickstart(tmp_path, "--store", f"influx://127.0.0.1:{free_port()}/senzorika")
    assert "store.url: influx: 127.0.0.1" in refused(tmp_path)


def test_a_second_city_in_the_inventory_is_refused(tmp_path: Path) -> None:
    quickstart(tmp_path)
    inventory = tmp_path / "senzorika-data" / "inventory.toml"
    inventory.write_text(inventory.read_text().replace('city = "koper"', 'city = "izola"'))
    assert "inventory.toml: city: izola" in refused(tmp_path)
