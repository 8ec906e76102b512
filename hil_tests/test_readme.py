"""Every command that the first README and this folder's name is one: make knows it, and the program takes its options.

``make demo`` itself is run by ``test_demo``, the commands of the van by ``provisioning/tests``.
"""

import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = "".join((ROOT / name).read_text("utf-8") for name in ("README.md", "hil_tests/README.md"))
_LINES = [line.partition("#")[0].strip() for line in re.findall(r"^(?:make|\.venv/bin/|SENZ).*", TEXT, re.MULTILINE)]
_IN_TEXT = re.findall(r"`(make [^`]+|python -m hil_tests[^`]+)`", TEXT)
COMMANDS = sorted({*_LINES, *_IN_TEXT, *(f"make chaos {more}" for more in re.findall(r"`(MINUTES=[^`]+)`", TEXT))})


def test_the_readmes_name_what_people_need() -> None:
    targets = {command.split()[1] for command in COMMANDS if command.startswith("make ")}
    assert targets == {"demo", "test", "check", "bench", "matrix", "chaos"}


@pytest.mark.parametrize("command", [one for one in COMMANDS if one.startswith("make ")])
def test_make_knows_it_and_its_program_takes_its_options(command: str) -> None:
    planned = subprocess.run(["make", "-n", *shlex.split(command)[1:]], cwd=ROOT, check=True, capture_output=True)
    lines = [line for line in planned.stdout.decode().splitlines() if "-m hil_tests" in line]
    assert bool(lines) == (command.split()[1] in ("demo", "matrix", "chaos"))
    for line in lines:
        words = shlex.split(line)
        place = words.index("-m")
        program = import_module(words[place + 1])
        options = vars(program._parser().parse_args(words[place + 2 :]))  # noqa: SLF001 - not to run it
        for name, value in (word.split("=") for word in shlex.split(command)[2:]):
            assert value in map(str, map(_as_typed, options.values())), name


def _as_typed(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


@pytest.mark.parametrize("command", [one for one in COMMANDS if ".venv/bin/pytest" in one])
def test_pytest_takes_it(command: str) -> None:
    words = shlex.split(command)
    rest = words[words.index(".venv/bin/pytest") + 1 :]
    found = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *rest]
    done = subprocess.run(found, cwd=ROOT, check=False, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("command", [one for one in COMMANDS if one.startswith("python -m")])
def test_python_finds_it(command: str) -> None:
    program = import_module(command.split()[2])
    if command.split()[2].endswith("esp32"):
        program = import_module(f"{command.split()[2]}.__main__")
    assert callable(program.main)
