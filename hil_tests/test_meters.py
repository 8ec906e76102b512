"""The virtual meters themselves: foreign clients read them, recordings come back byte for byte, truth comes first."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from edge.line import open_line
from edge.mbus import frame, meter
from edge.mbus.frame import Frame
from edge.mbus.value import Number
from hil_tests.instruments import virtual_time
from hil_tests.instruments.mbus_meter import MbusMeter, recorded
from hil_tests.instruments.meters import Meters, Scenario, load, main
from hil_tests.instruments.modbus_framing import crc
from hil_tests.instruments.scenario import ScenarioError

RESET, ASK = frame.encode(Frame(0x40, 1)), frame.encode(Frame(0x7B, 1))


async def started(tmp_path: Path) -> Meters:
    lines = [
        {
            "name": "cellar", "kind": "mbus", "link": tmp_path / "cellar.tty",
            "meter": [
                {"thing": "hm-1", "model": "kamstrup_multical_601", "address": 1},
                {"thing": "wm-2", "model": "els_falcon", "address": 2},
            ],
        },
        {
            "name": "roof", "kind": "modbus-tcp",
            "meter": [
                {"thing": "em-1", "model": "eastron_sdm630", "address": 1},
                {"thing": "em-2", "model": "abb_b23", "address": 2},
            ],
        },
    ]  # fmt: skip
    made = Meters(Scenario.model_validate({"truth": tmp_path / "truth.jsonl", "line": lines}))
    await made.start()
    return made


@pytest.fixture
async def meters(tmp_path: Path) -> AsyncIterator[Meters]:
    made = await started(tmp_path)
    yield made
    await made.stop()


def truths(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize("name", recorded())
def test_a_meter_that_stands_still_answers_its_recording_byte_for_byte(name: str) -> None:
    recording = bytes.fromhex(recorded()[name]["hex"])
    still = MbusMeter(name, 1, is_moving=False)
    assert still.answer(RESET, 0.0) == (frame.ACK, {})
    for seconds in (0.0, 1000.0):
        assert still.answer(ASK, seconds)[0] == recording


@pytest.mark.parametrize("name", recorded())
def test_a_meter_that_moves_changes_its_indexes_and_nothing_else_but_the_checksum(name: str) -> None:
    entry = recorded()[name]
    moving = MbusMeter(name, frame.decode(bytes.fromhex(entry["hex"])).primary_address)
    ask = frame.encode(Frame(0x7B, frame.decode(bytes.fromhex(entry["hex"])).primary_address))
    first, given = moving.answer(ask, 0.0)
    later, given_later = moving.answer(ask, 100.0)
    assert first.hex() == entry["hex"]
    changed = {key for key in given if given[key] != given_later[key]}
    assert changed == {row["quantity"] for row in entry["values"] if {"rate", "sway"} & set(row)}
    assert len(first) == len(later)


def test_each_recording_names_its_source_and_licence() -> None:
    assert len(recorded()) >= 5
    assert all(entry["source"] and entry["licence"] == "BSD-3-Clause" for entry in recorded().values())


async def test_the_truth_is_on_disk_when_the_answer_arrives_and_says_the_same(meters: Meters, tmp_path: Path) -> None:
    line = await open_line(meters.ports["cellar"], 2400, "E")
    (telegram,) = await meter.read(line, 2)
    (*_, truth) = truths(tmp_path)  # one that was long in getting to the disk is asked for again
    line.close()
    volume = telegram.records[0].value
    assert isinstance(volume, Number)
    assert (truth["thing"], truth["values"]["status_code"]) == ("wm-2", "ok")
    assert round(truth["values"]["water_volume"] * 1000) == volume.integer
    assert truth["values"]["water_volume"] >= 1234.567


def test_an_m_bus_answer_takes_the_time_of_2400_baud(tmp_path: Path) -> None:
    async def asked() -> tuple[bytes, float]:
        meters = await started(tmp_path)
        line = await open_line(meters.ports["cellar"], 2400, "E")
        await line.exchange(RESET, 2, frame.size_of)
        begun = asyncio.get_running_loop().time()
        answer = await line.exchange(ASK, 5, frame.size_of)
        took = asyncio.get_running_loop().time() - begun
        line.close()
        await meters.stop()
        return answer, took

    (answer, took), _ = virtual_time.run(asked())
    wanted = (len(ASK) + len(answer)) * 11 / 2400 + 0.05
    assert took == pytest.approx(wanted)


async def test_nobody_answers_a_meter_that_is_not_there_or_a_broken_frame(meters: Meters) -> None:
    line = await open_line(meters.ports["cellar"], 2400, "E")
    for request in (frame.encode(Frame(0x40, 9)), RESET[:-2] + b"\x00\x16"):
        with pytest.raises(Exception, match="no answer"):
            await line.exchange(request, 0.4, frame.size_of)
    assert await line.exchange(RESET, 2, frame.size_of) == frame.ACK
    line.close()


@pytest.mark.skipif(shutil.which("mbpoll") is None, reason="mbpoll is not installed (apt install mbpoll)")
async def test_mbpoll_reads_the_virtual_modbus_meter(meters: Meters, tmp_path: Path) -> None:
    port = meters.ports["roof"].rsplit(":", 1)[1]
    # -0: addresses count from zero; 3:float: input registers as 32-bit floats; -B: most significant word first
    asked = ["mbpoll", "-m", "tcp", "-p", port, "-a", "1", "-0", "-r", "0", "-c", "3", "-t", "3:float", "-B", "-1"]
    asked += ["-o", "10"]  # s
    process = await asyncio.create_subprocess_exec(*asked, "127.0.0.1", stdout=asyncio.subprocess.PIPE)
    said = (await process.communicate())[0].decode()
    values = [float(line.split()[1]) for line in said.splitlines() if line.startswith("[")]
    (*_, truth) = truths(tmp_path)
    assert values == pytest.approx([truth["values"][f"voltage.l{phase}"] for phase in (1, 2, 3)])
    assert process.returncode == 0


def test_the_crc_is_the_one_of_the_standard() -> None:
    assert crc(bytes.fromhex("0207")) == bytes.fromhex("4112")  # Modbus over serial line V1.02, 6.2.2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "truth: Field required"),
        ('truth = "t"\nline = [{name="a", kind="mbus", meter=[{thing="a", model="b", address=1}]}]', "line.0.link"),
        ('truth = "t"\nline = [{name="a", kind="mbuss", meter=[]}]', "line.0.kind"),
        ("truth", "Expected"),
    ],
)
def test_a_wrong_scenario_is_refused_with_its_key(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "scenario.toml").write_text(text)
    with pytest.raises(ScenarioError, match=reason):
        load(tmp_path / "scenario.toml")
    assert main([str(tmp_path / "scenario.toml")]) == 2
