"""What starts a node? The loader and what it needs at the root of the file system, which no update replaces."""

import tempfile
from pathlib import Path

from firmware import boot
from provisioning import release
from provisioning.release import Board

_COMPILED = ("slots", "rom", "durable")


def boot_files(board: Board) -> dict[str, bytes]:
    """Path from the root -> octets."""
    source = Path(boot.__file__).parent
    found = {"main.py": (source / "main.py").read_bytes()}
    with tempfile.TemporaryDirectory() as folder:
        for name in _COMPILED:
            target = Path(folder) / f"{name}.mpy"
            release.compile_file(source / f"{name}.py", target, f"boot/{name}.py", board)
            found[target.name] = target.read_bytes()
    return found
