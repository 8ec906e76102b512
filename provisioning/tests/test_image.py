"""The image of a node: the same files give the same octets, real MicroPython mounts it, and what is wrong is named."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioning import ProvisionError
from provisioning.__main__ import main
from provisioning.image import files, image
from provisioning.node_files import application, own, settings_of

SIZE = 0x40000
MOUNT = """
import os, sys, vfs
class Flash:
    def __init__(self, path):
        self.file = open(path, "r+b")
    def readblocks(self, number, buffer, offset=0):
        self.file.seek(number * 4096 + offset)
        self.file.readinto(buffer)
    def writeblocks(self, number, buffer, offset=0):
        pass
    def ioctl(self, operation, argument):
        return {4: os.stat(sys.argv[1])[6] // 4096, 5: 4096}.get(operation, 0)
vfs.mount(vfs.VfsLfs2(Flash(sys.argv[1])), "/node")
print(open("/node/node.json").read(), sorted(os.listdir("/node/a")))
"""
NODE = {
    "city": "koper",
    "thing": "spot-0001",
    "kind": "parking",
    "period_ms": 1000,
    "broker": {"host": "127.0.0.1", "port": 8883, "server_name": "localhost"},
    "hal": {"sensor": "127.0.0.1:20001"},
}


@pytest.fixture
def city(tmp_path: Path) -> Path:
    directory = tmp_path / "city"
    assert main(["quickstart", str(directory)]) == 0
    return directory


def written(directory: Path, **changes: Any) -> Path:
    path = directory / "nodes" / "park-0001.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({**NODE, **changes}))
    return directory


@settings(max_examples=20, deadline=None)
@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8}\.[a-z]{3})?", fullmatch=True), st.binary(max_size=5000)))
def test_what_goes_into_an_image_comes_out(content: dict[str, bytes]) -> None:
    folders = {path.split("/")[0] for path in content if "/" in path}
    content = {path: octets for path, octets in content.items() if path not in folders}
    octets = image(content, SIZE)
    assert len(octets) == SIZE
    assert files(octets) == content
    assert image(content, SIZE) == octets


def test_more_than_fits_is_refused() -> None:
    with pytest.raises(ProvisionError, match="big: 300000 bytes do not fit into a file system of 262144"):
        image({"big": bytes(300000)}, SIZE)


def test_octets_that_are_no_image_are_refused() -> None:
    with pytest.raises(ProvisionError, match="no LittleFS image"):
        files(b"\xff" * SIZE)


def test_micropython_mounts_the_image_of_a_node_and_finds_its_files(city: Path, tmp_path: Path) -> None:
    interpreter = shutil.which("micropython", path=Path(sys.executable).parent)
    if interpreter is None:
        pytest.skip("micropython is not installed")
    content = application("unix") | own(city, settings_of(written(city), "park-0001"))
    (tmp_path / "node.img").write_bytes(image(content, 0x200000))
    (tmp_path / "mount.py").write_text(MOUNT)
    run = [interpreter, str(tmp_path / "mount.py"), str(tmp_path / "node.img")]
    said = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    assert '"certificate": "cert.der"' in said
    assert "['app.rom', 'manifest.json']" in said
    assert {"main.py", "slots.mpy", "rom.mpy", "durable.mpy", "cert.der", "key.der", "ca.der"} < set(content)


def test_the_image_for_the_chip_is_another_than_for_a_laptop() -> None:
    chip, laptop = application("esp32"), application("unix")
    assert chip.keys() == laptop.keys()
    for words, image_with, image_without in ((b"WLAN", chip, laptop), (b"kill -9", laptop, chip)):
        assert words in image_with["a/app.rom"]
        assert words not in image_without["a/app.rom"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"period_ms": 0}, "period_ms: expected a whole number over 0"),
        ({"kind": "weather"}, "kind: there is no node kind weather"),
        ({"colour": "red"}, "colour: unknown key"),
        ({"broker": {"host": "h", "port": 70000, "server_name": "s"}}, "broker.port: expected a port"),
        ({"key": "mine.der"}, "key: is written for the node, leave it out"),
        ({"publisher": "park-0009"}, "publisher: expected park-0001"),
    ],
)
def test_settings_that_the_node_would_refuse_are_refused_here(city: Path, changes: dict[str, Any], why: str) -> None:
    with pytest.raises(ProvisionError, match=why):
        settings_of(written(city, **changes), "park-0001")


def test_settings_that_are_missing_or_no_json_are_refused(city: Path) -> None:
    with pytest.raises(ProvisionError, match=r"park-0001\.json: No such file or directory; it holds the settings"):
        settings_of(city, "park-0001")
    path = written(city) / "nodes" / "park-0001.json"
    for text, why in (("{", "not JSON"), ("[]", "expected an object")):
        path.write_text(text)
        with pytest.raises(ProvisionError, match=why):
            settings_of(city, "park-0001")


def test_a_key_that_was_not_kept_and_a_trusted_key_that_is_missing_are_named(city: Path) -> None:
    settings = settings_of(written(city, trust={"releases": ["update"]}), "park-0001")
    with pytest.raises(ProvisionError, match=r"keys/releases\.der: No such file.*trust\.releases needs the public key"):
        own(city, settings)
    (city / "keys").mkdir(exist_ok=True)
    (city / "keys" / "releases.der").write_bytes(b"public")
    assert own(city, settings)["keys/releases.der"] == b"public"
    (city / "certificates" / "park-0001.key.der").unlink()
    with pytest.raises(ProvisionError, match="its key is not here any more; `authority rotate` makes a new one"):
        own(city, settings)


def test_an_interpreter_that_is_not_there_is_named(
    city: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(city)
    capsys.readouterr()
    arguments = ["image", str(city), "park-0001", str(tmp_path / "x.img"), "--interpreter", str(tmp_path / "none.bin")]
    assert main(arguments) == 2
    assert f"--interpreter {tmp_path / 'none.bin'}: No such file or directory" in capsys.readouterr().err
