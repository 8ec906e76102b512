"""Is the compiled part there? It is made of its C source where there is a compiler, once, and kept beside the bytecode.

Without a compiler everything works, slower. A changed source has another name, so nothing stale is ever loaded.
"""

import ctypes
import logging
import os
import platform
import subprocess
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

log = logging.getLogger("collector.compiled")

SOURCE = Path(__file__).with_name("ordinary.c")
FLAGS = ("-std=c11", "-O2", "-ffreestanding", "-ffp-contract=off", "-shared", "-fPIC", "-nostdlib")
SECONDS = 60  # that a compiler may take


class CompilerError(Exception):
    """There is no compiler, or it refuses; the text says which and why."""


@cache
def library() -> ctypes.CDLL | None:
    """Compile unless that was done before; None where it can't be, which is logged once."""
    try:
        return _library()
    except (CompilerError, OSError) as error:
        log.warning("readings are taken one by one, at half to a quarter of the speed: %s", error)
        return None


def _library() -> ctypes.CDLL:
    kept = SOURCE.parent / "__pycache__" / _name()
    if not kept.exists():
        with TemporaryDirectory() as folder:
            made = compile_source(Path(folder, kept.name))
            try:
                _keep(made, kept)
            except OSError:  # where it is installed, nothing may be written: compiled at every start
                return ctypes.CDLL(str(made))
    return ctypes.CDLL(str(kept))


def compile_source(target: Path, more: Sequence[str] = ()) -> Path:
    """Compile into ``target`` with ``$CC``, else ``cc``. Raises CompilerError."""
    compiler = os.environ.get("CC", "cc")
    command = [*compiler.split(), *FLAGS, *more, "-o", str(target), str(SOURCE)]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=SECONDS)
    except FileNotFoundError:
        raise CompilerError(f"there is no C compiler {compiler}") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CompilerError(str(error)) from None
    if done.returncode:
        raise CompilerError(f"{compiler}: {next(iter(done.stderr.splitlines()), 'failed')}")
    return target


def _keep(made: Path, kept: Path) -> None:
    """In one step, since another process may do the same; what an older source was compiled to goes."""
    kept.parent.mkdir(exist_ok=True)
    older = [one for one in kept.parent.glob(f"{SOURCE.stem}-*.so") if one != kept]
    whole = kept.with_suffix(f".{os.getpid()}")
    try:
        whole.write_bytes(made.read_bytes())
        whole.replace(kept)
    finally:
        whole.unlink(missing_ok=True)
    for one in older:
        one.unlink(missing_ok=True)


def _name() -> str:
    recipe = sha256(SOURCE.read_bytes() + " ".join(FLAGS).encode()).hexdigest()[:16]
    return f"{SOURCE.stem}-{recipe}.{platform.system()}-{platform.machine()}.so".lower()
