"""What whoever runs the collector asks of it from a terminal: tokens, the log, households; and HTTPS if configured."""

import json
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from collector.tests.influx_servers import certificate

from .conftest import free_port  # type: ignore[import-not-found]


class Running:
    """A collector of a quickstart, and its own command line."""

    def __init__(self, folder: Path, *lines: str) -> None:
        self.folder = folder
        self.http = free_port()
        quickstart = [sys.executable, "-m", "provisioning", "quickstart", str(folder / "city")]
        ports = ["--mqtt-port", str(free_port()), "--http-port", str(self.http)]
        subprocess.run([*quickstart, *ports], check=True, capture_output=True)
        self.config = folder / "city" / "collector.toml"
        self.config.write_text(self.config.read_text() + "".join(f"{line}\n" for line in lines))
        inventory = folder / "city" / "inventory.toml"
        home = '[[thing]]\nid = "wm-1"\nname = { sl = "a", it = "b", en = "c" }\ncenter = "environment"\n'
        inventory.write_text(inventory.read_text() + home + 'household = "h-17"\n')
        self.start()

    def start(self) -> None:
        self.printed = self.folder / f"printed-{time.monotonic_ns()}"
        command = [sys.executable, "-m", "collector", "--config", str(self.config)]
        with self.printed.open("w") as out:
            self._process = subprocess.Popen(command, stdout=out, stderr=out)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            assert self._process.poll() is None, self.printed.read_text()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.http)) == 0:
                    return
            time.sleep(0.05)
        pytest.fail(self.printed.read_text())

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(120)

    def say(self, *words: str) -> tuple[int, str, str]:
        command = [sys.executable, "-m", "collector", *words, "--config", str(self.config)]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout.strip(), done.stderr.strip()

    def secrets(self) -> list[str]:
        return [line.strip() for line in self.printed.read_text().splitlines() if line.strip().startswith("senzorika_")]


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("custody"))
    yield running
    running.stop()


def grants(collector: Running, secret: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {secret}"}
    return httpx.get(f"http://127.0.0.1:{collector.http}/api/me", headers=headers)


def test_the_first_token_is_shown_at_the_first_start_and_never_again(collector: Running) -> None:
    (first,) = collector.secrets()
    assert grants(collector, first).json()["grants"] == ["*:admin"]
    collector.stop()
    kept = b"".join(file.read_bytes() for file in (collector.folder / "city").rglob("*") if file.is_file())
    assert first.encode() not in kept
    collector.start()
    assert collector.secrets() == []
    assert grants(collector, first).status_code == 200


def test_a_token_is_given_and_taken_away_from_a_terminal(collector: Running) -> None:
    code, secret, _ = collector.say(
        "token", "add", "grafana", "--grant", "energy:viewer", "--grant", "living:viewer", "--days", "7"
    )
    assert code == 0
    assert grants(collector, secret).json()["grants"] == ["energy:viewer", "living:viewer"]
    code, listed, _ = collector.say("token", "list")
    assert secret not in listed
    assert "grafana" in {json.loads(line)["name"] for line in listed.splitlines()}
    assert collector.say("token", "revoke", "grafana")[0] == 0
    assert grants(collector, secret).status_code == 401


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("token", "add", "x", "--grant", "moon:viewer"), "grant: expected one of"),
        (("token", "add", "x", "--grant", "energy:viewer", "--days", "0"), "days: expected 1"),
        (("token", "revoke", "nobody"), "name: there is no token nobody to revoke"),
        (("household", "erase", "h-0", "--why", "x"), "household: no thing is, or was, of h-0"),
        (("household", "export", "h-17", "city", "--why", " "), "why: expected the reason"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(collector: Running, words: tuple[str, ...], message: str) -> None:
    code, out, error = collector.say(*words)
    assert (code, out) == (2, "")
    assert error.startswith("senzorika-collector: ")
    assert message in error
    assert len(error.splitlines()) == 1


def test_a_household_is_exported_and_erased_from_a_terminal(collector: Running) -> None:
    code, names, _ = collector.say("household", "pseudonyms", "h-17", "--why", "bill 2026-11")
    assert code == 0
    assert names.startswith("wm-1 p-")
    target = collector.folder / "h-17"
    code, said, error = collector.say("household", "export", "h-17", str(target), "--why", "article 15")
    assert (code, error) == (0, "")
    assert "0 observations" in said
    assert json.loads((target / "household.json").read_text())["household"] == "h-17"
    code, _, error = collector.say("household", "export", "h-17", str(target), "--why", "article 15")
    assert code == 2
    assert "exists" in error
    code, said, _ = collector.say("household", "erase", "h-17", "--why", "moved out")
    assert code == 0
    assert "backups made before still hold them" in said


def test_the_log_is_checked_while_it_is_written(collector: Running) -> None:
    code, said, _ = collector.say("audit")
    assert code == 0
    assert "nothing was changed; the head is " in said
    copy = collector.folder / "copy"
    copy.mkdir()
    log = collector.folder / "city" / "data" / "audit.log"
    changed = copy / "city" / "data" / "audit.log"
    changed.parent.mkdir(parents=True)
    changed.write_bytes(log.read_bytes().replace(b'"first start"', b'"last start"'))
    for name in ("ca", "certificates", "broker"):
        (copy / "city" / name).symlink_to(collector.folder / "city" / name)
    (copy / "city" / "collector.toml").write_text(collector.config.read_text())
    command = [sys.executable, "-m", "collector", "audit", "--config", str(copy / "city" / "collector.toml")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert "line 1 does not fit" in done.stderr


def test_with_a_certificate_https_is_spoken_and_nothing_else(tmp_path: Path) -> None:
    certificate(tmp_path, "http")
    (tmp_path / "http.pem").rename(tmp_path / "both.pem")
    lines = (f'certificate = "{tmp_path}/both.pem"', f'key = "{tmp_path}/http.key"', 'names = ["localhost"]')
    running = Running(tmp_path, *lines)
    try:
        trusted = ssl.create_default_context(cafile=str(tmp_path / "both.pem"))
        answer = httpx.get(f"https://127.0.0.1:{running.http}/api/me", verify=trusted)
        assert answer.json()["name"] == ""
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"http://127.0.0.1:{running.http}/api/me")
        assert "https://" in running.printed.read_text()
    finally:
        running.stop()
