"""Is a compiled part there? It is made of its C source where there is a compiler, once, and kept beside the bytecode.

Without a compiler everything works, slower. A changed source has another name, so nothing stale is ever loaded.
"""

import ctypes
import logging
import os
import platform
import shlex
import subprocess
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy.typing as npt

log = logging.getLogger("collector.compiled")

FLAGS = ("-std=c11", "-O2", "-ffreestanding", "-ffp-contract=off", "-shared", "-fPIC", "-nostdlib")
SECONDS = 60  # that a compiler may take


class CompilerError(Exception):
    """There is no compiler, or it refuses; the text says which and why."""


@cache
def library(source: Path) -> ctypes.CDLL | None:
    """Compile unless that was done before; None where it can't be, which is logged once. It blocks."""
    try:
        return _library(source)
    except (CompilerError, OSError) as error:
        log.warning("without %s everything is right, at several times its cost: %s", source.name, error)
        return None


def _library(source: Path) -> ctypes.CDLL:
    kept = source.parent / "__pycache__" / _name(source)
    if not _is_whole(kept):
        with TemporaryDirectory() as folder:
            made = compile_source(source, Path(folder, kept.name))
            try:
                _keep(source, made, kept)
            except OSError:  # where it is installed, nothing may be written: compiled at every start
                return ctypes.CDLL(str(made))
    return ctypes.CDLL(str(kept))


def compile_source(source: Path, target: Path, more: Sequence[str] = ()) -> Path:
    """Compile ``source`` into ``target`` with ``$CC``, else ``cc``. Raises CompilerError."""
    compiler = os.environ.get("CC") or "cc"
    command = [*shlex.split(compiler), *FLAGS, *more, "-o", str(target), str(source), "-lgcc"]
    try:
        done = subprocess.run(command, check=False, capture_output=True, timeout=SECONDS)
    except FileNotFoundError:
        raise CompilerError(f"there is no C compiler {compiler}") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CompilerError(str(error)) from None
    if done.returncode:
        lines = done.stderr.decode(errors="replace").splitlines()
        raise CompilerError(f"{compiler}: {next(iter(lines), 'failed')}")
    return target


def address_of(array: npt.NDArray[Any]) -> int:
    """For a compiled part; the array must outlive the call."""
    return int(array.__array_interface__["data"][0])


def _keep(source: Path, made: Path, kept: Path) -> None:
    """In one step, since another process may do the same; what an older source was compiled to goes.

    Its digest stands behind it: half a file, as a power cut leaves one, would end the process that loads it.
    """
    kept.parent.mkdir(exist_ok=True)
    older = [one for one in kept.parent.glob(f"{source.stem}-*.{_PLATFORM}.so") if one != kept]
    whole = kept.with_suffix(f".{os.getpid()}")
    octets = made.read_bytes()
    try:
        whole.write_bytes(octets + sha256(octets).digest())
        whole.replace(kept)
    finally:
        whole.unlink(missing_ok=True)
    for one in older:
        one.unlink(missing_ok=True)


def _is_whole(kept: Path) -> bool:
    try:
        octets = kept.read_bytes()
    except OSError:  # it is not there, or may not be read
        return False
    return sha256(octets[:-_DIGEST]).digest() == octets[-_DIGEST:]


_DIGEST = sha256().digest_size
_PLATFORM = f"{platform.system()}-{platform.machine()}".lower()


def _name(source: Path) -> str:
    recipe = sha256(" ".join((os.environ.get("CC", ""), *FLAGS)).encode())
    for file in sorted((source, *source.parent.glob("*.h"))):
        recipe.update(file.read_bytes())
    return f"{source.stem}-{recipe.hexdigest()[:16]}.{_PLATFORM}.so"
