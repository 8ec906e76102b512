"""Files that were put together say what they said apart, and all of a node's code can still be loaded."""

import subprocess
from pathlib import Path

import pytest

from hil_tests.instruments.process import BenchError, find
from provisioning import release
from provisioning.linked import RESIDENT, link

MOUNT = """
import gc, os, sys, vfs
image = bytearray(os.stat(sys.argv[1])[6])
with open(sys.argv[1], "rb") as file:
    file.readinto(image)
vfs.mount(vfs.VfsRom(memoryview(image)), "/rom")
sys.path[:] = [".frozen", "/rom"]
"""
# Two files with the same private names, a module that is asked by name, and locals that are called like its functions.
SOURCES = {
    "__init__.py": "",
    "nodes/__init__.py": "",
    "link.py": """
import struct
from firmware import segment
from firmware.record import SIZE as record_size, pack

_SIZE = 4
HALF, WHOLE = 2, 4
_names = {}

class Link:
    SIZE = _SIZE
    def __init__(self, size=_SIZE, *, pack=pack):
        self.size, self.pack = size, pack

def count(position):
    sum = segment.sum(position)
    names = [position for position in (sum, _SIZE, record_size, HALF)]
    if names:
        from firmware.record import pack as again
    return names + [again(1), pack(2), Link().pack(3), Link.SIZE, WHOLE]

def keep(name):
    global _last
    _last = name
    _names[name] = segment.position
    return _last, sorted(_names), (lambda position: position + _SIZE)(1)
""",
    "segment.py": """
_SIZE = 100
position = "a"

def sum(position):
    return _SIZE + position
""",
    "record.py": """
SIZE = _SIZE = 1000

def pack(number):
    _names = [str(number)]
    return "".join(_names)
""",
    "nodes/late.py": """
from firmware import leaf
from firmware.segment import position
said = position + leaf.word()
""",
    "leaf.py": "def word():\n    return 'z'\n",
    "asks.py": """
from firmware import segment
from firmware.link import WHOLE, count
said = WHOLE, count(5), segment._SIZE
""",
}

try:
    find("micropython")
except BenchError as missing:
    pytest.skip(str(missing), allow_module_level=True)


def run(folder: Path, script: str, *arguments: str) -> str:
    (folder / "run.py").write_text(script, "utf-8")
    command = [find("micropython"), "-X", "heapsize=4M", str(folder / "run.py"), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder).stdout.strip()


def test_names_that_meet_are_told_apart(tmp_path: Path) -> None:
    linked = link(SOURCES)
    assert set(SOURCES) - set(linked) == {"link.py", "record.py", "segment.py"}
    script = "from firmware import asks\nfrom firmware.nodes import late\nprint(asks.said, late.said)\n"
    said = []
    for name, sources in (("apart", SOURCES), ("together", linked)):
        for path, text in sources.items():
            target = tmp_path / name / "firmware" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            release.compile_file(_written(target, text), target.with_suffix(".mpy"), path)
            target.unlink()
        home = "link" if name == "apart" else RESIDENT
        also = f"import sys\nsys.path.insert(0, '.')\nfrom firmware import {home} as all\nprint(all.keep('n'))\n"
        said.append(run(tmp_path / name, also + script))
    assert said[0] == said[1]
    assert said[0].splitlines()[0] == "('n', ['n'], 5)"


def test_a_number_that_nobody_else_asks_for_has_no_name() -> None:
    text = link(SOURCES)[f"{RESIDENT}.py"]
    assert "_HALF = const(2)" in text
    assert "\nWHOLE = const(4)" in text  # asks.py wants it


def test_every_module_of_a_node_can_be_loaded(tmp_path: Path) -> None:
    image = tmp_path / "app.rom"
    image.write_bytes(release.application())
    script = """
def visit(folder, package):
    for name, kind, *_ in os.ilistdir(folder):
        if kind == 0x4000:
            visit(folder + "/" + name, package + "." + name)
        elif name[-4:] == ".mpy" and name not in ("__init__.mpy", "partition.mpy") and package != "firmware.boot":
            if os.stat(folder + "/" + name)[6] > 100:  # what was taken in leaves an empty file
                __import__(package + "." + name[:-4])
                gc.collect()
visit("/rom/firmware", "firmware")
print(len([name for name in sys.modules if name[:8] == "firmware"]))
"""
    assert int(run(tmp_path, MOUNT + script, str(image))) > 60


def _written(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path
