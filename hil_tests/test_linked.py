"""Files that were put together say what they said apart, and all of a node's code can still be loaded."""

import re
import subprocess
from pathlib import Path

import pytest

from hil_tests.instruments.process import BenchError, find
from provisioning import release
from provisioning.flat import flat
from provisioning.lean import lean
from provisioning.linked import RESIDENT, link
from provisioning.syntax import read, written

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
    linked = written(link(read(SOURCES)))
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
    text = written(link(read(SOURCES)))[f"{RESIDENT}.py"]
    assert "_HALF = const(2)" in text
    assert "\nWHOLE = const(4)" in text  # asks.py wants it


# Arguments that a call or a text names, attributes that a text names, a constant of another file, and code for nobody.
SHARED = {
    "__init__.py": "VERSION = '1'\n",
    "main.py": "def main():\n    from firmware.nodes.late import said\n    return said\n",
    "nodes/__init__.py": """
LARGEST = 7

class Sample:
    def __init__(self, near, far=1):
        self._far, self.near = far, near

    def sum(self):
        return self._far + self.near + len([self._append(near) for near in (1, 2)])

    def _append(self, near):
        return near

    def unasked(self):
        return 'nobody calls it'
""",
    "nodes/late.py": """
import time as _time
import time
from firmware import VERSION
from firmware.nodes import LARGEST, Sample

def _unasked():
    return 'nobody'

def _add(one, other, *rest, third=LARGEST):
    def inner(one):
        return one + other + third
    return inner(one) + sum(rest) + sum([other for other in rest])

class _Named:
    def __init__(self, zero, gain):
        self._zero, self._gain, self.kept = zero, gain, []

    def total(self, abs):
        self.kept.append(abs)
        return self._sum(abs) + len(self.kept)

    def _sum(self, abs):
        return self._zero + getattr(self, "_gain") + abs

names = {"zero": 1, "gain": 2}
said = [
    _add(1, 2, 3, third=4), _add(5, 6), Sample(1, far=2).sum(), _Named(**names).total(3), VERSION, _time is time,
    hasattr(_Named, "total"),
]
""",
}


def test_what_shares_names_says_the_same(tmp_path: Path) -> None:
    said = []
    for name, sources in (("apart", SHARED), ("lean", written(lean(link(flat(read(SHARED))))))):
        for path, text in sources.items():
            target = tmp_path / name / "firmware" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            release.compile_file(_written(target, text), target.with_suffix(".mpy"), path)
            target.unlink()
        script = "import sys\nsys.path.insert(0, '.')\nfrom firmware.main import main\nprint(main())\n"
        said.append(run(tmp_path / name, script))
    assert said[0] == said[1] == "[13, 18, 5, 7, '1', True, True]"


def test_what_nobody_asks_for_is_left_out() -> None:
    text = "".join(written(lean(link(flat(read(SHARED))))).values())
    assert "nobody" in "".join(SHARED.values())
    assert "nobody" not in text


# What a node of a kind may come to load in one life, orders and an update included.
ALWAYS = """
main assembly desk clerk trial config signature ecdsa commands own_orders update recovery refusal spans boot.slots sntp
hal_sim_uart hal_sim_i2c hal_sim_pins
"""
OWN = {
    "air": "air_bme280 air_scd41 air_sps30 air_particles air_cells air_certificates air_humidity",
    "counting": "hal_sim_pulses",
    "level": "",
    "noise": "hal_sim_microphone",
    "parking": "spot_magnetic spot_distance spot_radar spot_time_of_flight spot_qmc5883l spot_qmc5883p spot_mmc5603",
    "valve": "",
    "water": "hal_sim_pulses drivers_pressure",
}
NAMES = 620  # in five pools; the sixth would take 7 KB of 64-bit words, in one piece, whenever the next name comes


@pytest.mark.parametrize("kind", OWN)
def test_the_names_of_a_node_need_no_sixth_pool(kind: str, tmp_path: Path) -> None:
    image = tmp_path / "app.rom"
    image.write_bytes(release.application())
    names = [*ALWAYS.split(), f"nodes_{kind}", *OWN[kind].split()]
    script = f"""
import asyncio, json, micropython
asyncio.open_connection, asyncio.gather, asyncio.wait_for
for name in {names}:
    __import__("firmware." + name)
micropython.qstr_info()
"""
    said = re.search(r"n_pool=(\d+), n_qstr=(\d+)", run(tmp_path, MOUNT + script, str(image)))
    assert said is not None
    print(f"{kind}: {said[2]} names of {NAMES}")
    assert int(said[2]) <= NAMES
    assert said[1] == "5"


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
