"""However a board is listened to, it is heard line by line with the time, and starts again when it is told to."""

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hil_tests.cities.city import Plan, VirtualCity
from hil_tests.instruments.console import Console
from hil_tests.instruments.console import serial as by_serial
from hil_tests.instruments.drivers import Place, chosen, names
from hil_tests.instruments.esp32.bench import VirtualEsp32, flashed_board
from hil_tests.instruments.process import BenchError, Program, free_port, wait_until
from hil_tests.plugin import soldered
from provisioning.quickstart import Ports

MAIN = "import time\nprint('main runs')\nwhile True:\n    time.sleep(0.1)\n"
CASES = ["virtual", "serial over a pty", "serial over RFC 2217"]


def flashed(folder: Path) -> VirtualEsp32:
    return flashed_board(folder, {"main.py": MAIN})


def virtual(folder: Path, stack: ExitStack) -> Console:
    city = VirtualCity(Plan(folder, Ports(1, 2)))
    code = "import time; print('main runs', flush=True); time.sleep(600)"
    city.programs["x"] = Program("x", [sys.executable, "-c", code], folder / "x.log")
    city.programs["x"].start()
    stack.callback(city.programs["x"].kill)
    return opened(stack, "virtual", {}, city)


def over_a_pty(folder: Path, stack: ExitStack) -> Console:
    board = flashed(folder)
    stack.callback(board.unplug)
    return opened(stack, "serial", {"port": str(board.port)})


def over_rfc_2217(folder: Path, stack: ExitStack) -> Console:
    board, port = flashed(folder), free_port()
    board.unplug()
    command: list[str | Path] = [sys.executable, "-m", "hil_tests.instruments.esp32", board.flash, str(port)]
    program = Program("board", command, folder / "rfc2217.log")
    program.start()
    stack.callback(program.kill)
    wait_until(lambda: "rfc2217://" in program.last_lines(), "the board is there")
    return opened(stack, "serial", {"port": f"rfc2217://127.0.0.1:{port}"})


def opened(stack: ExitStack, driver: str, settings: dict[str, Any], city: VirtualCity | None = None) -> Console:
    console: Console = stack.enter_context(chosen("console", driver, settings).opened(Place("x", city)))
    return console


MAKERS = dict(zip(CASES, (virtual, over_a_pty, over_rfc_2217), strict=True))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", [*CASES, *soldered(metafunc.config, "console")])


@pytest.fixture
def console(case: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Console]:
    if case not in CASES:
        found: Console = request.getfixturevalue("bench").console[case]
        yield found
        return
    with ExitStack() as stack:
        yield MAKERS[case](tmp_path, stack)


def test_there_is_a_case_for_every_driver() -> None:
    assert {name.split()[0] for name in CASES} == set(names("console"))


def test_a_board_is_heard_and_starts_again_and_answers_in_its_repl_where_it_has_one(console: Console) -> None:
    began = time.time_ns() // 1_000_000
    console.reset()
    wait_until(lambda: bool(console.said()), "something is said", 30)
    if console.has_repl:
        assert console.run("print(6 * 7)").strip() == "42"
    else:
        with pytest.raises(BenchError, match="no REPL"):
            console.run("print(6 * 7)")
    before = len(console.said())
    console.reset()
    wait_until(lambda: len(console.said(before)) > 0, "it speaks again", 30)
    stamps = [one.at for one in console.said()]
    assert stamps == sorted(stamps)
    assert began <= stamps[-1] <= time.time_ns() // 1_000_000
    assert not any("\n" in one.text or "\r" in one.text for one in console.said())


@pytest.mark.parametrize("name", CASES[:2])
def test_the_lines_of_an_application_are_whole_after_each_start(name: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        console = MAKERS[name](tmp_path, stack)
        for starts in (1, 2):
            console.reset()
            wait_until(
                lambda wanted=starts: [one.text for one in console.said()].count("main runs") >= wanted,  # type: ignore[misc]
                "main.py runs again",
            )


def test_a_board_that_was_unplugged_is_heard_again(tmp_path: Path) -> None:
    board = flashed(tmp_path)
    with ExitStack() as stack:
        stack.callback(board.unplug)
        console = opened(stack, "serial", {"port": str(board.port)})
        board.unplug()
        time.sleep(0.5)
        before = len(console.said())
        board.plug()
        console.reset()
        wait_until(lambda: "main runs" in [one.text for one in console.said(before)], "it is heard again")


def test_an_adapter_is_found_by_its_serial_number(monkeypatch: pytest.MonkeyPatch) -> None:
    here = [SimpleNamespace(serial_number="0001A2", device="/dev/ttyUSB7"), SimpleNamespace(serial_number=None)]
    monkeypatch.setattr(by_serial, "comports", lambda: here)
    assert by_serial.Settings(serial_number="0001A2").found() == "/dev/ttyUSB7"
    with pytest.raises(BenchError, match="no adapter here has the serial number 0001A3"):
        by_serial.Settings(serial_number="0001A3").found()


def test_a_port_that_is_not_there_is_named(tmp_path: Path) -> None:
    for port in (str(tmp_path / "absent"), "rfc2217://127.0.0.1:1", "gopher://x"):
        driver = chosen("console", "serial", {"port": port})
        with pytest.raises(BenchError, match="console of x: "), driver.opened(Place("x")):
            pass


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "port: either it or serial_number is needed"),
        ({"port": "/dev/x", "serial_number": "1"}, "port: either it or serial_number is needed"),
        ({"port": "/dev/x", "baud": 1}, "baud: "),
        ({"port": "/dev/x", "speed": 1}, "speed: unknown key"),
    ],
)
def test_wrong_settings_are_refused_by_key(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        chosen("console", "serial", settings)
