"""How does a node get onto a laptop? What starts it, one release, its settings and certificates, and the command."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import firmware
from firmware import VERSION
from hil_tests.instruments.process import find
from provisioning import release
from provisioning.boot_files import boot_files

# So many words for the interpreter (one here has 64 bits, one of the chip 32), and room for the image, which the
# chip executes from its flash and a laptop from its heap. Each kind of the firmware does all that a node does in it,
# orders of the city included. An update needs more: the kind of the tests that are updated is none of them.
KIND_WORDS = 48 * 1024
HEAP_WORDS = 64 * 1024
_KINDS = Path(firmware.__file__).parent / "nodes"
_WORD = 2
_TABLES = 256  # of so many bytes of a heap the collector keeps 3 for its tables: the image pays for its own
# A board that resets itself (75) or is reset by its watchdog (137) starts again; any other end is one.
_BOARD = 'while :; do "$@"; status=$?; [ $status = 75 ] || [ $status = 137 ] || exit $status; done'


class BuiltNode(NamedTuple):
    """``command`` runs the node of ``directory`` with ``environment`` added; it logs to standard output."""

    directory: Path
    command: list[str]
    environment: dict[str, str]


def build(
    directory: Path,
    config: Mapping[str, Any],
    certificates: Path,
    authority: Path,
    changes: Mapping[str, str] | None = None,
) -> BuiltNode:
    """Make a node in ``directory``; what is in its outbox stays.

    ``config`` is node.json without ``certificate``, ``key`` and ``ca``; the DER files of its publisher are copied from
    ``certificates`` and ``authority`` (the CA's DER file). ``changes`` are source files of the firmware that this node
    has otherwise. Raises BenchError or ProvisionError where a program is missing.
    """
    publisher = config["publisher"]
    directory.mkdir(parents=True, exist_ok=True)
    image = release.image(changes) if changes else release.application()
    release.write(directory / "a", release.manifest(1, VERSION, {release.IMAGE: image}), {release.IMAGE: image})
    for name, octets in boot_files("unix").items():
        (directory / name).write_bytes(octets)
    for source, name in (
        (certificates / f"{publisher}.der", "cert.der"),
        (certificates / f"{publisher}.key.der", "key.der"),
        (authority, "ca.der"),
    ):
        shutil.copyfile(source, directory / name)
    (directory / "key.der").chmod(0o600)
    settings = {**config, "certificate": "cert.der", "key": "key.der", "ca": "ca.der"}
    (directory / "node.json").write_text(json.dumps(settings, indent=1), "utf-8")
    heap = heap_words(config["kind"]) * _WORD + len(image) * _TABLES // (_TABLES - 3) + 64
    interpreter = [find("micropython"), "-X", f"heapsize={heap}", str(directory / "main.py"), str(directory)]
    return BuiltNode(directory, ["sh", "-c", _BOARD, "board", *interpreter], {"MICROPYPATH": f".frozen:{directory}"})


def heap_words(kind: str) -> int:
    """What the interpreter of such a node is given, besides its image."""
    return KIND_WORDS if (_KINDS / f"{kind}.py").exists() else HEAP_WORDS
