"""What is asked of a program of the bench has happened when the call returns."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil_tests.instruments.process import BenchError, Program, wait_until

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
