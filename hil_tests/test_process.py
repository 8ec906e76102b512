"""What is asked of a program of the bench has happened when the call returns."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil_tests.instruments.process import BenchError, Program, wait_until

# Threads that are always in the midst of something, and most of the time of a write that is waited for.
BUSY = """
import os, sys, threading
def write(path):
    with open(path, "wb") as file:
        while True:
            file.seek(0)
            file.write(bytes(1 << 20))
            os.fsync(file.fileno())
for number in range(4):
    threading.Thread(target=write, args=(f"{sys.argv[1]}/{number}",)).start()
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
    for _ in range(50):
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
