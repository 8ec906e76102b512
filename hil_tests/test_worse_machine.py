"""Programs on a worse machine: a clock that steps, a disk that forgets, wires that somebody disturbs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from edge.outbox import open_outbox
from hil_tests.instruments.disturbance import NONE, Disturbance, Disturbances, disturbed

SAYS_THE_TIME = """
import time
for _ in range(3):
    input()
    print(time.time_ns(), time.time(), time.monotonic_ns(), flush=True)
"""


def test_a_clock_steps_with_its_file_and_the_steady_one_goes_on(tmp_path: Path) -> None:
    (tmp_path / "says.py").write_text(SAYS_THE_TIME)
    file = tmp_path / "offset"
    command = [sys.executable, "-m", "hil_tests.instruments.changed", "--clock", str(file), "says"]
    environment = {"PYTHONPATH": f"{Path(__file__).parent.parent}:{tmp_path}"}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        told = []
        for offset in (None, "-90000", None):
            if offset is None:
                file.unlink(missing_ok=True)
            else:
                file.write_text(offset)
            process.stdin.write("\n")
            process.stdin.flush()
            told.append([float(word) for word in process.stdout.readline().split()])
    (first, second, third) = told
    assert first[0] - 90e9 <= second[0] < first[0]
    assert second[0] / 1e9 == pytest.approx(second[1], abs=1)
    assert first[2] < second[2] < third[2]
    assert third[0] > first[0]


KEEPS = """
import os, pathlib, sys
from hil_tests.instruments import forgetful_disk, protections
forgetful_disk.install()
if sys.argv[2:]:
    protections.OFF[sys.argv[2]]()
import edge.outbox
outbox = edge.outbox.open_outbox(pathlib.Path(sys.argv[1]), 1 << 20)
for number in range(300):
    outbox.append([{"thing": "wm-1", "at": number + 1, "values": {"water_volume": (number, -3)}}])
    if number % 3 == 0:
        outbox.received([[max(1, number - 5), number]])
os._exit(9)
"""


@pytest.mark.parametrize(("without", "kept"), [([], 301), (["outbox-flush"], 1)])
def test_a_forgetful_disk_keeps_what_was_synced_and_nothing_else(without: list[str], kept: int, tmp_path: Path) -> None:
    file = tmp_path / "outbox.sqlite"
    ended = subprocess.run([sys.executable, "-c", KEEPS, str(file), *without], check=False)
    assert ended.returncode == 9
    outbox = open_outbox(file, 1 << 20)
    assert outbox.counts().next_seq == kept
    outbox.close()


def test_a_wire_is_disturbed_until_the_block_ends_whatever_happens(tmp_path: Path) -> None:
    file = tmp_path / "disturbed.json"
    wires = Disturbances(file)
    assert wires.of("cellar") == NONE

    def crash() -> None:
        with disturbed(file, cellar={"noise": 0.5}), disturbed(file, hall={"is_short": True}):
            assert wires.of("cellar") == Disturbance(noise=0.5)
            assert wires.of("hall").is_short
            raise KeyError

    with pytest.raises(KeyError):
        crash()
    assert wires.of("cellar") == wires.of("hall") == NONE
    assert json.loads(file.read_text()) == {}
