"""What is asked of a program of the bench has happened when the call returns."""

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil_tests.instruments.process import (
    BenchError,
    Program,
    answers,
    free_port,
    free_ports,
    listens,
    ports_of,
    wait_until,
)

# One thread that is in a write that is waited for most of the time, and some that are in the midst of a system call.
BUSY = """
import os, sys, threading
def write(file):
    while True:
        os.pwrite(file, bytes(4096), 0)
        os.fsync(file)
def turn(pipe):
    while True:
        os.write(pipe[1], bytes(4096))
        os.read(pipe[0], 4096)
threading.Thread(target=write, args=(os.open(f"{sys.argv[1]}/file", os.O_CREAT | os.O_WRONLY),)).start()
for _ in range(2):
    threading.Thread(target=turn, args=(os.pipe(),)).start()
print("busy", flush=True)
"""


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    one = Program("busy", [sys.executable, "-c", BUSY, tmp_path], tmp_path / "log")
    one.start()
    wait_until(lambda: "busy" in one.last_lines(), "it is busy")
    yield one
    one.kill()


def states(program: Program) -> set[str]:
    """Of its threads, as the kernel calls them."""
    files = Path(f"/proc/{program.pid}/task").glob("*/status")
    return {line.split()[1] for file in files for line in file.read_text().splitlines() if line.startswith("State:")}


def test_a_frozen_program_stands_and_goes_on_when_it_is_thawed(program: Program) -> None:
    for _ in range(20):
        program.freeze()
        assert states(program) == {"T"}
        assert program.is_running
        program.thaw()
        assert "T" not in states(program)


def test_a_frozen_program_can_be_killed(program: Program) -> None:
    program.freeze()
    program.kill()
    assert program.exit_status == -9


def test_a_program_that_does_not_run_cannot_be_frozen_and_to_thaw_it_does_nothing(program: Program) -> None:
    program.kill()
    with pytest.raises(BenchError, match="busy does not run: it can't be frozen"):
        program.freeze()
    program.thaw()
    assert not program.is_running


def test_no_two_workers_are_given_the_same_ports() -> None:
    several = [ports_of(worker) for worker in ("", "gw0", "gw1", "gw2", "gw3", "gw4")]
    assert len({port for ports in several for port in ports}) == sum(map(len, several))
    assert all(20_000 <= ports.start < ports.stop <= 26_000 for ports in several)
    assert set(free_ports(5)) <= set(ports_of(os.environ.get("PYTEST_XDIST_WORKER", "")))


def test_who_answers_in_the_place_of_a_program_that_has_ended_is_not_taken_for_it(program: Program) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as stranger:
        port = stranger.getsockname()[1]
        assert listens(program, port)
        program.kill()
        with pytest.raises(BenchError, match="busy ended"):
            listens(program, port)
    assert not answers(port)
