import hashlib
import json
import ssl
from pathlib import Path
from typing import Any

import pytest

from provisioning import ProvisionError, offered

IMAGE = b"an image"


def lay(folder: Path, **changes: Any) -> Path:
    folder.mkdir()
    (folder / "app.rom").write_bytes(IMAGE)
    file = {"path": "app.rom", "size": len(IMAGE), "sha256": hashlib.sha256(IMAGE).hexdigest()}
    manifest = {"release": 12, "version": "1.5.0", "files": [file], "by": "releases", "signature": "x"} | changes
    (folder / "manifest.json").write_text(json.dumps({key: value for key, value in manifest.items() if value}))
    return folder


def test_a_whole_release_is_taken(tmp_path: Path) -> None:
    assert offered.load(lay(tmp_path / "12"))["release"] == 12


@pytest.mark.parametrize("spoil", ["other", "shorter"])
def test_a_file_that_the_manifest_does_not_describe_is_named(tmp_path: Path, spoil: str) -> None:
    folder = lay(tmp_path / "12")
    (folder / "app.rom").write_bytes(b"an imagE" if spoil == "other" else IMAGE[:-1])
    with pytest.raises(ProvisionError, match=r"app\.rom: is not the file that manifest\.json describes"):
        offered.load(folder)


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"signature": ""}, "signature: missing; no node takes it"), ({"release": 0}, "release: "), ({"by": ""}, "by: ")],
)
def test_a_manifest_that_no_node_takes_is_refused(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ProvisionError, match=words):
        offered.load(lay(tmp_path / "12", **changes))


def test_a_folder_without_a_manifest_or_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProvisionError, match=r"manifest\.json: No such file"):
        offered.load(tmp_path)
    folder = lay(tmp_path / "12")
    (folder / "app.rom").unlink()
    with pytest.raises(ProvisionError, match=r"app\.rom: No such file"):
        offered.load(folder)


@pytest.mark.parametrize("url", ["http://localhost:1/12", "https://localhost:1/12"])
def test_an_address_that_serves_nothing_is_named(tmp_path: Path, url: str) -> None:
    with pytest.raises(ProvisionError, match=f"--url {url}: "):
        offered.check_served(lay(tmp_path / "12"), url, ssl.create_default_context())
