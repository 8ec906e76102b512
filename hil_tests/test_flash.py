"""Six boards before lunch: virtual boards become nodes by one command, and whatever goes wrong has a name."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hil_tests.cities.city import Plan, VirtualCity
from hil_tests.cities.koper import EVERY_SAMPLE, NODES
from hil_tests.instruments.esp32.bench import FILE_SYSTEM, IMAGE_OFFSET, VirtualEsp32, interpreter_image
from hil_tests.instruments.mpremote import mpremote
from hil_tests.instruments.process import BenchError, Program, find, free_ports, wait_until
from hil_tests.judging.verdict import fetch
from provisioning.__main__ import main as provision
from provisioning.quickstart import Ports
from provisioning.register import Register

NAMES = [one.publisher for one in NODES[:4]]
THINGS = [one.thing.id for one in NODES[:4]]
SEED = int(os.environ.get("SENZORIKA_SEED", "20261125"))

try:
    find("micropython")
except BenchError as missing:
    pytest.skip(str(missing), allow_module_level=True)


@pytest.fixture
def boards(tmp_path: Path) -> Iterator[list[VirtualEsp32]]:
    made = [VirtualEsp32(tmp_path / "boards", number) for number in range(1, 5)]
    yield made
    for board in made:
        board.unplug()


@pytest.fixture
def interpreter(tmp_path: Path) -> Path:
    path = tmp_path / "micropython.bin"
    path.write_bytes(interpreter_image())
    return path


@pytest.fixture
def city(tmp_path: Path) -> Path:
    """A city that nothing runs in; its nodes' sensors are nowhere."""
    directory = tmp_path / "city"
    assert provision(["quickstart", str(directory), "--mqtt-port", str(free_ports(1)[0])]) == 0
    settle(directory, dict.fromkeys(THINGS, 1))
    return directory


def settle(directory: Path, sensors: dict[str, int], mqtt: int = 8883) -> None:
    """The settings of four nodes, as a person writes them."""
    for name, thing in zip(NAMES, THINGS, strict=True):
        settings = {
            "city": "koper",
            "thing": thing,
            "kind": "parking",
            "period_ms": 200,
            "broker": {"host": "127.0.0.1", "port": mqtt, "server_name": "localhost"},
            "hal": {"sensor": f"127.0.0.1:{sensors[thing]}"},
            **EVERY_SAMPLE,
        }
        (directory / "nodes").mkdir(exist_ok=True)
        (directory / "nodes" / f"{name}.json").write_text(json.dumps(settings))


def command(directory: Path, *arguments: object) -> list[str]:
    verb = [sys.executable, "-m", "provisioning", "flash", str(directory)]
    return [*verb, *map(str, arguments), "--json"]


def flash(directory: Path, *arguments: object) -> tuple[int, dict[str, Any]]:
    """Its exit status and its document."""
    done = subprocess.run(command(directory, *arguments), capture_output=True, text=True, timeout=600, check=False)
    return done.returncode, json.loads(done.stdout) if done.stdout else {"error": done.stderr}


def all_of(boards: list[VirtualEsp32], interpreter: Path) -> list[object]:
    pairs = [f"{name}={board.port}" for name, board in zip(NAMES, boards, strict=True)]
    return [*pairs, "--interpreter", interpreter, "--board", "unix", "--center", "mobility"]


def steps(document: dict[str, Any]) -> dict[str, str]:
    return {one["node"]: one["step"] for one in document["nodes"]}


def touched(document: dict[str, Any]) -> list[str]:
    return [one["node"] for one in document["nodes"] if one["touched"]]


def said(board: VirtualEsp32, *verb: str) -> str:
    """What an unmodified mpremote says."""
    done = mpremote(board.port, *verb)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def digests(board: VirtualEsp32) -> str:
    """What the board computes."""
    return said(board, "fs", "sha256sum", "node.json")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_four_boards_become_nodes_that_publish_to_the_collector_by_one_command(
    tmp_path: Path, boards: list[VirtualEsp32], interpreter: Path
) -> None:
    directory = tmp_path / "city"
    city = VirtualCity(Plan(directory, Ports(*free_ports(2)), store="memory", nodes=(), with_meters=False))
    sensors = directory / "sensors.toml"
    listening = Program("sensors", [sys.executable, "-m", "hil_tests.instruments.sensors", sensors], tmp_path / "log")
    try:
        city.start()
        entries = [f'[[sensor]]\nthing = "{thing}"\nkind = "parking"\nmean = 5.0\n' for thing in THINGS]
        sensors.write_text('truth = "sensors.truth.jsonl"\nseed = 7\n' + "".join(entries))
        listening.start()
        wait_until(lambda: len(listening.last_lines().splitlines()) == len(THINGS), "the sensors listen", 120)
        announced = [json.loads(line) for line in listening.last_lines().splitlines()]
        settle(directory, {one["thing"]: one["ports"]["sensor"] for one in announced}, city.plan.ports.mqtt)
        for board in boards:
            board.plug()
        begun = time.monotonic()
        status, document = flash(directory, *all_of(boards, interpreter))
        flashed = time.monotonic() - begun
        assert status == 0, document
        assert steps(document) == dict.fromkeys(NAMES, "done")
        wait_until(lambda: len({thing for thing, _ in fetch(city.door, THINGS)}) == len(THINGS), "all publish", 200)
        print(f"four boards: {flashed:.1f} s to the end of the command, {time.monotonic() - begun:.1f} s to readings")
        for name, board in zip(NAMES, boards, strict=True):
            assert f"node: {name} boot" in board.said()
            assert not (directory / "certificates" / f"{name}.key.der").exists()  # it is on the node, and nowhere else
    finally:
        listening.stop()
        city.stop()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_corrupt_and_an_unplugged_board_are_named_the_others_finish_and_resume_does_the_rest(
    city: Path, boards: list[VirtualEsp32], interpreter: Path
) -> None:
    boards[0].plug()
    boards[1].plug(f"corrupt:{FILE_SYSTEM:#x}")
    boards[2].plug("unplug:0x9000")
    boards[3].plug()
    status, document = flash(city, *all_of(boards, interpreter))
    assert status == 1
    assert steps(document) == dict(zip(NAMES, ("done", "failed", "failed", "done"), strict=True))
    why = {one["node"]: one["why"] for one in document["nodes"]}
    assert "MD5" in why[NAMES[1]]
    assert why[NAMES[2]]
    untouched = {board: hashlib.sha256(board.flash.read_bytes()).digest() for board in (boards[0], boards[3])}
    for board in untouched:
        board.unplug()  # whoever touched them would fail
    for board in boards[1:3]:
        board.plug()
    assert flash(city, *all_of(boards, interpreter))[0] == 2  # a new batch would hide what is half made
    status, document = flash(city, "--resume")
    assert status == 0, document
    assert touched(document) == [NAMES[1], NAMES[2]]
    assert steps(document) == dict.fromkeys(NAMES, "done")
    for board, digest in untouched.items():
        assert hashlib.sha256(board.flash.read_bytes()).digest() == digest
    for name, board in zip(NAMES[1:3], boards[1:3], strict=True):
        settings = (city / "nodes" / f"{name}.json").read_text()
        assert json.loads(settings)["thing"] in read_back(board)
        assert hashlib.sha256(read_back(board).encode()).hexdigest() in digests(board)
    assert flash(city, "--resume")[1]["nodes"][0]["touched"] is False


def read_back(board: VirtualEsp32) -> str:
    """node.json as the board has it."""
    return said(board, "fs", "cat", "node.json")


def has_gone_on(run: Program, journal: Path, size: int) -> bool:
    return not run.is_running or (journal.exists() and journal.stat().st_size > size)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_after_a_kill_at_any_moment_resume_leaves_nothing_half_made(
    tmp_path: Path, city: Path, boards: list[VirtualEsp32], interpreter: Path
) -> None:
    generator = random.Random(SEED)
    two = boards[:2]
    for board in two:
        board.plug()
    arguments = [*(f"{name}={board.port}" for name, board in zip(NAMES, two, strict=False))]
    arguments += ["--interpreter", str(interpreter), "--board", "unix", "--center", "mobility"]
    journal = city / "flashed" / "00001.jsonl"
    killed: list[str] = []
    for number in range(6):
        size = journal.stat().st_size if journal.exists() else 0
        options = ["--resume"] if size else arguments
        run = Program("flash", command(city, *options), tmp_path / "flash.log")
        run.start()
        if number > 0:  # the first dies while it makes certificates and images
            wait_until(partial(has_gone_on, run, journal, size), "the batch goes on", 200)
        deadline = time.monotonic() + generator.uniform(0.0, 3)
        while run.is_running and time.monotonic() < deadline:
            time.sleep(0.05)
        if not run.is_running:
            assert run.exit_status == 0, run.last_lines()
            break
        os.kill(run.pid, signal.SIGKILL)  # its esptool lives on
        killed.append(journal.read_text().splitlines()[-1] if journal.exists() else "nothing was begun")
    print(*killed, sep="\n")
    assert killed
    status, document = flash(city, "--resume")
    assert status == 0, document
    assert set(steps(document).values()) == {"done"}
    for board in two:
        assert hashlib.sha256(read_back(board).encode()).hexdigest() in digests(board)
        assert board.flash.read_bytes()[IMAGE_OFFSET:][: interpreter.stat().st_size] == interpreter.read_bytes()
    assert list((city / "flashed").iterdir()) == [city / "flashed" / "00001.jsonl"]  # no image with a key is left
    recorded = Register(city).standing().subjects
    assert [recorded[f"board:{name}"]["mac"] for name in NAMES[:2]] == [board.mac for board in two]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_wrong_chip_and_a_flash_that_ends_early_are_refused_and_named(
    city: Path, boards: list[VirtualEsp32], interpreter: Path
) -> None:
    boards[0].plug("wrong-chip")
    boards[1].plug(f"full:{FILE_SYSTEM:#x}")
    before = hashlib.sha256(boards[0].flash.read_bytes()).digest()
    pairs = [f"{name}={board.port}" for name, board in zip(NAMES[:2], boards[:2], strict=True)]
    options = ["--interpreter", interpreter, "--board", "unix", "--center", "mobility"]
    status, document = flash(city, *pairs, *options)
    assert status == 1
    why = {one["node"]: one["why"] for one in document["nodes"]}
    assert why[NAMES[0]].startswith("wrong chip: ")
    assert why[NAMES[1]] == "Write failed, the written flash region is empty."
    assert hashlib.sha256(boards[0].flash.read_bytes()).digest() == before


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_board_that_is_a_node_already_is_not_made_another_by_mistake(
    city: Path, boards: list[VirtualEsp32], interpreter: Path
) -> None:
    boards[0].plug()
    options = ["--interpreter", interpreter, "--board", "unix", "--center", "mobility"]
    assert flash(city, f"{NAMES[0]}={boards[0].port}", *options)[0] == 0
    status, document = flash(city, f"{NAMES[1]}={boards[0].port}", *options)
    assert status == 1
    assert (
        document["nodes"][0]["why"]
        == f"the board {boards[0].mac} is {NAMES[0]} already; --overwrite makes it {NAMES[1]}"
    )
    assert NAMES[0] in read_back(boards[0])
    status, document = flash(city, f"{NAMES[1]}={boards[0].port}", *options, "--abandon", "--overwrite")
    assert status == 0, document
    assert NAMES[1] in read_back(boards[0])


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_board_that_was_written_and_not_read_back_is_only_read_back(
    city: Path, boards: list[VirtualEsp32], interpreter: Path
) -> None:
    boards[0].plug()
    options = ["--interpreter", interpreter, "--board", "unix", "--center", "mobility", "--keep-keys"]
    assert flash(city, f"{NAMES[1]}={boards[0].port}", *options)[0] == 0
    journal = city / "flashed" / "00001.jsonl"
    journal.write_text("".join(line + "\n" for line in journal.read_text().splitlines()[:-1]))  # killed before "done"
    with boards[0].flash.open("r+b") as chip:
        chip.seek(IMAGE_OFFSET + 100)
        chip.write(b"mark")  # whoever wrote the interpreter again would remove it
    status, document = flash(city, "--resume")
    assert (status, steps(document), touched(document)) == (0, {NAMES[1]: "done"}, [NAMES[1]])
    assert boards[0].flash.read_bytes()[IMAGE_OFFSET + 100 :][:4] == b"mark"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_detect_names_the_chip_and_the_node_of_each_board(
    city: Path, boards: list[VirtualEsp32], interpreter: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    boards[0].plug()
    options = ["--interpreter", interpreter, "--board", "unix"]
    assert flash(city, f"{NAMES[0]}={boards[0].port}", *options)[0] == 0
    boards[1].plug()
    capsys.readouterr()
    ports = [part for board in boards[:3] for part in ("--port", str(board.port))]
    assert provision(["detect", *ports, "--json"]) == 1  # the third is not plugged in
    found = json.loads(capsys.readouterr().out)["boards"]
    assert [one["mac"] for one in found] == [boards[0].mac, boards[1].mac, None]
    assert [one["publisher"] for one in found] == [NAMES[0], None, None]
    assert found[0]["chip"] == "ESP32-D0WD-V3 (revision v3.0)"
    assert (found[0]["flash_size"], found[0]["release"]) == (4 << 20, 1)
    assert found[0]["micropython"].startswith("1.")
    assert found[1]["why"].startswith("MicroPython: ")
    assert found[2]["why"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_dry_run_writes_neither_to_the_board_nor_to_the_disk(
    city: Path, boards: list[VirtualEsp32], interpreter: Path
) -> None:
    boards[0].plug()
    before = {path: path.read_bytes() for path in [boards[0].flash, *city.rglob("*")] if path.is_file()}
    options = ["--interpreter", interpreter, "--board", "unix", "--center", "mobility", "--dry-run"]
    status, document = flash(city, f"{NAMES[0]}={boards[0].port}", f"{NAMES[1]}={boards[1].port}", *options)
    assert (status, touched(document)) == (0, NAMES[:2])
    assert {path: path.read_bytes() for path in [boards[0].flash, *city.rglob("*")] if path.is_file()} == before


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_esptool_verifies_an_image_that_we_made(city: Path, boards: list[VirtualEsp32], interpreter: Path) -> None:
    boards[0].plug()  # without an interpreter: nothing runs that would change its files
    image = city / "park-0001.img"
    options = ["--interpreter", str(interpreter), "--board", "unix"]
    assert provision(["image", str(city), NAMES[0], str(image), *options]) == 0
    esptool = [sys.executable, "-m", "esptool", "--port", str(boards[0].port)]
    for verb in ("write-flash", "verify-flash"):
        done = subprocess.run([*esptool, verb, hex(FILE_SYSTEM), image], capture_output=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout
