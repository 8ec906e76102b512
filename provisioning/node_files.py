"""What stands on a node when it leaves the van? Its loader, one release, its settings, its key and certificates."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from firmware import VERSION, node_json, nodes
from firmware.contract import ContractError
from provisioning import ProvisionError, release
from provisioning.boot_files import boot_files
from provisioning.release import Board

SETTINGS = "node.json"
_OURS = ("certificate", "key", "ca")
_SLOT = "a"


def settings_of(directory: Path, name: str) -> dict[str, Any]:
    """``DIR/nodes/NAME.json``: node.json without ``certificate``, ``key`` and ``ca``, checked as the node will."""
    path = directory / "nodes" / f"{name}.json"
    try:
        given = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ProvisionError(f"{path}: {error.strerror}; it holds the settings of {name}") from None
    except ValueError as error:
        raise ProvisionError(f"{path}: not JSON: {error}") from None
    if not isinstance(given, dict):
        raise ProvisionError(f"{path}: expected an object")
    for key in _OURS:
        if key in given:
            raise ProvisionError(f"{path}: {key}: is written for the node, leave it out")
    if given.setdefault("publisher", name) != name:
        raise ProvisionError(f"{path}: publisher: expected {name}")
    given |= {"certificate": "cert.der", "key": "key.der", "ca": "ca.der"}
    try:
        _check(given)
    except ContractError as error:
        raise ProvisionError(f"{path}: {error}") from None
    return given


def _check(given: Mapping[str, Any]) -> None:
    """As ``firmware/assembly.py`` does at the start of a node."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / SETTINGS
        file.write_text(json.dumps(given), "utf-8")
        settings = node_json.load(str(file))
    try:
        kind = nodes.module(settings["kind"])
    except (ImportError, AttributeError):
        raise ContractError(f"kind: there is no node kind {settings['kind']}") from None
    node_json.of_kind(settings, kind.KEYS, kind.OPTIONAL)
    if "battery" in settings and not kind.BATTERY:
        raise ContractError("battery: a node of this kind can't sleep")


def application(board: Board) -> dict[str, bytes]:
    """What is the same on every node of a batch: the loader and the release of these sources, with its manifest."""
    image = release.application(board)
    described = release.manifest(1, VERSION, {release.IMAGE: image})
    return {
        **boot_files(board),
        f"{_SLOT}/{release.IMAGE}": image,
        f"{_SLOT}/manifest.json": json.dumps(described).encode(),
    }


def own(directory: Path, settings: Mapping[str, Any]) -> dict[str, bytes]:
    """What only this node has. Raises ProvisionError when its key was written to a board and not kept."""
    name = settings["publisher"]
    certificates = directory / "certificates"
    key = certificates / f"{name}.key.der"
    if not key.exists():
        raise ProvisionError(f"{name}: its key is not here any more; `authority rotate` makes a new one")
    return {
        SETTINGS: json.dumps(settings, indent=1).encode(),
        "cert.der": (certificates / f"{name}.der").read_bytes(),
        "key.der": key.read_bytes(),
        "ca.der": (directory / "ca" / "ca.der").read_bytes(),
        **_keys_trusted(directory, settings),
    }


def _keys_trusted(directory: Path, settings: Mapping[str, Any]) -> dict[str, bytes]:
    """``keys/NAME.der`` for each name under ``trust``, from ``DIR/keys``."""
    found = {}
    for name in settings.get("trust", {}):
        path = directory / "keys" / f"{name}.der"
        try:
            found[f"keys/{name}.der"] = path.read_bytes()
        except OSError as error:
            raise ProvisionError(f"{path}: {error.strerror}; trust.{name} needs the public key") from None
    return found
