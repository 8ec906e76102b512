"""A Raspberry Pi is enrolled, updated and configured; what does not work goes back by itself."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.config import load
from hil_tests.instruments.process import Program, free_ports, wait_until
from hil_tests.instruments.receipts import Receipts
from hil_tests.instruments.second_root import SecondRoot, wheel
from provisioning.__main__ import main as provision

NAME = "gw-0001"
HOME = "var/lib/senzorika"
UNIT = "etc/systemd/system/senzorika-gateway.service"
PATIENCE = "25"  # looks, a second and more apart, in which a good version starts, reads its meter and is well thrice


async def _serve_registers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A Modbus TCP server in which every register of every unit is 1."""
    try:
        while True:
            head = await reader.readexactly(12)
            count = int.from_bytes(head[10:12], "big")
            body = head[6:8] + bytes([2 * count]) + b"\x00\x01" * count
            writer.write(head[:4] + len(body).to_bytes(2, "big") + body)
    except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
        writer.close()


def lines(port: int, period: int = 1) -> str:
    head = f'[[line]]\nname = "cellar"\nkind = "modbus-tcp"\nport = "tcp:127.0.0.1:{port}"\n'
    return head + f'[[line.meter]]\nthing = "wm-0001"\nunit_id = 1\nperiod = {period}\nprofile = "abb_b23"\n'


@pytest.fixture
async def meter() -> AsyncIterator[int]:
    server = await asyncio.start_server(_serve_registers, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture
def pi(tmp_path: Path) -> Iterator[SecondRoot]:
    made = SecondRoot(tmp_path)
    yield made
    made.stop()


class Technician:
    """Types the commands."""

    def __init__(self, directory: Path, folder: Path, pi: SecondRoot, capsys: pytest.CaptureFixture[str]) -> None:
        self.directory = directory
        self.folder = folder
        self.http_port = free_ports(2)[1]  # the first is the broker's, which may not listen yet
        self._pi = pi
        self._capsys = capsys

    def types(self, step: str, *words: str, place: list[str] | None = None) -> tuple[int, dict[str, Any], str]:
        """(exit status, JSON, what was said beside it)."""
        self._capsys.readouterr()
        options = self._pi.options if place is None else place
        status = provision(["gateway", step, str(self.directory), NAME, *words, *options, "--json"])
        said = self._capsys.readouterr()
        return status, json.loads(said.out) if said.out else {}, said.err

    def enrols(self, text: str, *words: str, place: list[str] | None = None) -> tuple[int, dict[str, Any], str]:
        (self.folder / "lines.toml").write_text(text)
        words = ("--config", str(self.folder / "lines.toml"), "--http-port", str(self.http_port), *words)
        return self.types("enrol", *words, place=place)

    async def updates(self, version: str, mood: str = "fine") -> tuple[int, dict[str, Any], str]:
        wheels = wheel(self.folder / f"wheels-{version}", version, mood)
        words = ("--version", version, "--wheels", str(wheels), *self._times())
        return await asyncio.to_thread(self.types, "update", *words)

    async def configures(self, number: int, text: str, by: str = "center-water") -> tuple[int, dict[str, Any], str]:
        file, signed = self.folder / "next.toml", self.folder / f"signed-{number}.json"
        file.write_text(text)
        words = ["--config", str(file), "--number", str(number), "--as", by, "--output", str(signed)]
        assert provision(["gateway", "sign", str(self.directory), NAME, *words]) == 0
        return await asyncio.to_thread(self.types, "configure", "--signed", str(signed), *self._times())

    def _times(self) -> list[str]:
        return ["--http-port", str(self.http_port), "--hold", "2", "--patience", PATIENCE]


@pytest.fixture
def technician(directory: Path, tmp_path: Path, pi: SecondRoot, capsys: pytest.CaptureFixture[str]) -> Technician:
    return Technician(directory, tmp_path, pi, capsys)


# ---- onto a card


def test_a_card_gets_everything_that_its_first_boot_needs(technician: Technician, tmp_path: Path) -> None:
    card = tmp_path / "card"
    card.mkdir()
    words = ["--ntp", "ntp1.example", "ntp2.example", "--time-host", "192.168.7.1"]
    status, told, _ = technician.enrols(lines(1), *words, place=["--root", str(card)])
    assert status == 0
    config = load(card / HOME / "gateway.toml")  # as the gateway reads it
    assert (config.publisher, config.city, config.line[0].meter[0].thing) == (NAME, "koper", "wm-0001")
    assert config.time is not None
    assert config.time.host == "192.168.7.1"
    for file in (config.broker.ca, config.broker.certificate, config.broker.key):
        assert file.is_file()
    assert (card / HOME / f"{NAME}.key").stat().st_mode & 0o077 == 0
    assert (card / UNIT).read_bytes() == Path("edge/systemd/senzorika-gateway.service").read_bytes()
    wants = card / "etc/systemd/system/multi-user.target.wants/senzorika-gateway.service"
    assert wants.resolve() == (card / UNIT).resolve()
    times = (card / "etc/systemd/timesyncd.conf.d/senzorika.conf").read_text()
    assert "NTP=ntp1.example ntp2.example" in times
    assert len(told["changed"]) == 9
    before = {path: path.read_bytes() for path in card.rglob("*") if path.is_file()}
    status, told, _ = technician.enrols(lines(1), *words, place=["--root", str(card)])
    assert (status, told["changed"]) == (0, []), "doing it again changes nothing"
    assert {path: path.read_bytes() for path in card.rglob("*") if path.is_file()} == before


def test_systemd_agrees_with_what_it_will_find_on_the_card(technician: Technician, tmp_path: Path) -> None:
    programs = [shutil.which(name) for name in ("systemd-sysusers", "systemd-tmpfiles")]
    if None in programs:
        pytest.skip("systemd is not installed")
    card = tmp_path / "card"
    (card / "etc").mkdir(parents=True)
    (card / "etc/group").write_text("dialout:x:20:\n")
    assert technician.enrols(lines(1), place=["--root", str(card)])[0] == 0
    subprocess.run([str(programs[0]), f"--root={card}", "senzorika.conf"], check=True)
    assert "senzorika" in (card / "etc/passwd").read_text()
    assert "dialout:x:20:senzorika" in (card / "etc/group").read_text()


def test_a_dry_run_says_what_it_would_write_and_writes_nothing(technician: Technician, tmp_path: Path) -> None:
    card = tmp_path / "card"
    card.mkdir()
    status, told, said = technician.enrols(lines(1), "--dry-run", place=["--root", str(card)])
    assert (status, len(told["changed"])) == (0, 8)
    assert "would be written" in said
    assert list(card.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('city = "izola"\n' + lines(1), "the configuration: city: is written by enrolment; leave it out"),
        ("[[line]\n", "the configuration: "),
        ("", "the configuration: line: at least one line or receiver with a meter is needed"),
    ],
)
def test_a_configuration_that_can_not_be_is_refused(technician: Technician, text: str, words: str) -> None:
    status, _, said = technician.enrols(text)
    assert status == 2
    assert words in said


def test_a_gateway_without_a_certificate_gets_one_for_the_things_it_names(technician: Technician) -> None:
    (technician.folder / "new.toml").write_text(lines(1))
    card = technician.folder / "card"
    card.mkdir()
    words = ["--config", str(technician.folder / "new.toml"), "--root", str(card)]
    assert provision(["gateway", "enrol", str(technician.directory), "gw-0002", *words]) == 0
    assert (card / HOME / "gw-0002.key").is_file()
    inventory = tomllib.loads((technician.directory / "inventory.toml").read_text())
    assert {"id": "gw-0002", "role": "gateway", "things": ["wm-0001"]} in inventory["publisher"]
    (technician.folder / "new.toml").write_text(lines(1).replace("wm-0001", "wm-9999"))
    assert provision(["gateway", "enrol", str(technician.directory), "gw-0003", *words]) == 2


# ---- on one that runs


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_gateway_is_enrolled_updated_and_goes_back_from_a_version_that_does_not_run(
    technician: Technician, pi: SecondRoot, collector: Receipts, meter: int
) -> None:
    assert technician.enrols(lines(meter))[0] == 0
    begun = time.monotonic()
    status, told, said = await technician.updates("1.0.0")
    assert (status, told["runs"]) == (0, "senzorika-1.0.0"), said + pi.log()
    await collector.has(2)
    print(f"enrolled, installed and publishing in {time.monotonic() - begun:.1f} s")
    status, told, said = await technician.updates("1.1.0")
    assert (status, told["runs"]) == (0, "senzorika-1.1.0"), said + pi.log()
    assert sorted(path.name for path in (pi.root / "opt").glob("senzorika-*")) == ["senzorika-1.0.0", "senzorika-1.1.0"]
    running = pi.pid
    assert (await technician.updates("1.1.0"))[0] == 0
    assert pi.pid == running, "what runs already is not started again"

    status, told, said = await technician.updates("1.2.0", "crashing")
    assert (status, told["runs"], told["is_new"]) == (1, "senzorika-1.1.0", False), said
    assert told["reason"] == "the service does not run"
    assert pi.pid != running
    known = len(collector.contents)
    await collector.has(known + 2)  # the version before goes on where it was

    status, _, said = await technician.updates("1.3.0", "refusing")
    assert status == 2
    assert "senzorika-1.3.0 can't run gateway.toml" in said
    assert (pi.root / "opt/senzorika").readlink() == Path("senzorika-1.1.0")


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_signed_configuration_is_taken_and_one_that_does_not_work_goes_back(
    technician: Technician, pi: SecondRoot, collector: Receipts, meter: int, directory: Path
) -> None:
    assert provision(["issue", str(directory), "center-water", "--role", "center"]) == 0
    assert technician.enrols(lines(meter))[0] == 0
    assert (await technician.updates("1.0.0"))[0] == 0
    status, told, said = await technician.configures(3, lines(meter, period=2))
    assert (status, told["runs"]) == (0, "gateway-3.toml"), said + pi.log()
    assert load(pi.root / HOME / "gateway.toml").line[0].meter[0].period == 2
    status, told, said = await technician.configures(4, lines(1))  # nobody listens there
    assert (status, told["runs"]) == (1, "gateway-3.toml"), said
    assert "does not answer that it is well" in told["reason"]
    known = len(collector.contents)
    await collector.has(known + 2)

    assert (await technician.configures(2, lines(meter)))[0] == 2, "an older one"
    status, _, said = await technician.configures(5, lines(meter).replace("abb_b23", "nobodys"))
    assert status == 2
    assert "can't run gateway-5.toml" in said
    status, _, said = await technician.configures(6, lines(meter), by="park-0001")
    assert status == 2
    assert "by: park-0001: no center of this city" in said
    forged = technician.folder / "signed-3.json"
    forged.write_text(forged.read_text().replace("period = 2", "period = 9").replace('"number":3', '"number":9'))
    status, _, said = await asyncio.to_thread(technician.types, "configure", "--signed", str(forged))
    assert status == 2
    assert "not signed by center-water" in said
    assert (pi.root / HOME / "gateway.toml").readlink() == Path("gateway-3.toml")


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_the_laptop_leaves_and_the_gateway_judges_alone_and_after_a_power_cut_it_is_judged_again(
    technician: Technician, pi: SecondRoot, collector: Receipts, meter: int, tmp_path: Path
) -> None:
    assert technician.enrols(lines(meter))[0] == 0
    assert (await technician.updates("1.0.0"))[0] == 0
    state = pi.root / "var/lib/senzorika-update"
    wheels = wheel(tmp_path / "bad", "1.1.0", "crashing")
    times = ["--http-port", str(technician.http_port), "--hold", "2", "--patience", PATIENCE]
    command = [sys.executable, "-m", "provisioning", "gateway", "update", str(technician.directory), NAME]
    options = ["--version", "1.1.0", "--wheels", str(wheels), *times, *pi.options]
    laptop = Program("laptop", [*command, *options], tmp_path / "laptop.log")
    laptop.start()
    await asyncio.to_thread(wait_until, (state / "pending").exists, "the switch")
    laptop.kill()
    await asyncio.to_thread(wait_until, lambda: not (state / "pending").exists(), "the gateway's own verdict")
    assert (pi.root / "opt/senzorika").readlink() == Path("senzorika-1.0.0")
    assert (state / "result").read_text() == "back the service does not run\n"

    # The power of the Pi goes: "pending" is there, the link is new, and nobody judges.
    laptop.start()
    await asyncio.to_thread(wait_until, (state / "pending").exists, "the switch")
    laptop.kill()
    search = ["pgrep", "-f", f"{state}/switching.sh"]
    judges = await asyncio.to_thread(subprocess.check_output, search, text=True)
    for number in judges.split():
        os.kill(int(number), signal.SIGKILL)
    assert (state / "pending").read_text() == "/opt/senzorika senzorika-1.0.0 senzorika-1.1.0\n"
    status, told, said = await technician.updates("1.2.0")
    assert "was cut short; it is judged again" in said
    assert (status, told["runs"]) == (0, "senzorika-1.2.0"), said
    assert not (state / "pending").exists()
    await collector.has(len(collector.contents) + 2)
