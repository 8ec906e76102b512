"""What esptool says is read line by line, a journal survives any cut, and what can't be begun is refused by name."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from provisioning import ProvisionError, esptool_output, programs
from provisioning.__main__ import main
from provisioning.esptool import BoardError, identify
from provisioning.esptool_output import Identity
from provisioning.flash_journal import FlashJournal, Plan, State, journals, next_path
from provisioning.ports import assigned, resolved

IDENTIFIED = """esptool v5.6.0
Connected to ESP32 on /dev/ttyUSB0:
Chip type:          ESP32-D0WD-V3 (revision v3.0)
MAC:                24:6f:28:00:00:01
Detected flash size: 4MB
"""
WRITING = "\x1b[2KWriting at 0x00005000 ━━━━━━━━╸                 27.3% 16.00kB/58.59kB [1s] "
PLAN = Plan("m.bin", "00", 0x1000, "esp32", "ESP32", 460800, {"a": "/dev/a", "b": "/dev/b"}, forgets_keys=True)


def journal(folder: Path) -> FlashJournal:
    made = FlashJournal(next_path(folder), PLAN, {name: State(port=port) for name, port in PLAN.ports.items()})
    made.begin()
    return made


def test_the_chip_its_mac_and_its_flash_are_read() -> None:
    assert esptool_output.identity(IDENTIFIED) == Identity(
        "ESP32", "ESP32-D0WD-V3 (revision v3.0)", "24:6f:28:00:00:01", 4 << 20
    )
    assert esptool_output.identity(IDENTIFIED.replace("MAC:", "EUI:")) is None


@pytest.mark.parametrize(
    ("chip", "family"),
    [
        ("ESP32-D0WD-V3 (revision v3.0)", "ESP32"),
        ("ESP32-PICO-D4 (revision v1.0)", "ESP32"),
        ("ESP32-S3 (QFN56) (revision v0.2)", "ESP32-S3"),
        ("ESP32-S2FNR2 (revision v0.0)", "ESP32-S2"),
        ("ESP32-C3 (QFN32) (revision v0.4)", "ESP32-C3"),
        ("ESP8266EX", ""),
    ],
)
def test_an_image_is_for_a_family_of_chips(chip: str, family: str) -> None:
    assert esptool_output.family(f"Chip type:          {chip}\n") == family


def test_progress_is_an_address_and_a_share() -> None:
    assert esptool_output.writing(WRITING) == (0x5000, 27.3)
    assert esptool_output.writing("Verifying written data...") is None


def test_the_reason_is_what_esptool_called_fatal_or_its_last_line() -> None:
    fatal = "...\n{}MD5 of file does not match data in flash!\n(hint)\n"
    for prefix in ("A fatal error occurred: ", "ERROR: A fatal error occurred: ", "ERROR: "):
        assert esptool_output.reason(fatal.format(prefix)) == "MD5 of file does not match data in flash!"
    assert esptool_output.reason("one\nSerialException: gone\n\n") == "SerialException: gone"
    assert esptool_output.reason("") == "esptool said nothing"


async def test_a_program_that_never_ends_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    sleeping = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(250)"]
    loop, heard = asyncio.get_running_loop(), []
    time = loop.time

    def hear(line: str) -> None:
        """As soon as it has spoken, its time is over."""
        heard.append(line)
        monkeypatch.setattr(loop, "time", lambda: time() + 200)

    ended = await programs.run(sleeping, 200, hear)
    assert (ended.status, ended.text, heard) == (None, "here\n", ["here"])


async def test_a_port_that_is_none_is_a_board_that_fails() -> None:
    with pytest.raises(BoardError, match="Could not open /dev/nowhere"):
        await identify("/dev/nowhere")


def test_a_journal_is_found_as_it_was_left_at_every_cut(tmp_path: Path) -> None:
    made = journal(tmp_path)
    for changes in ({"step": "writing", "mac": "m"}, {"step": "written"}, {"step": "done"}):
        made.note("a", **changes)
    whole = made.path.read_bytes()
    steps = []
    for length in range(len(whole), -1, -1):
        made.path.write_bytes(whole[:length])
        found = FlashJournal.read(made.path)
        if found is None:
            assert not made.path.exists()
            continue
        assert made.path.read_bytes().endswith(b"\n")
        steps.append(found.states["a"].step)
        found.note("b", step="failed", why="x")  # what was torn does not swallow what follows
        again = FlashJournal.read(made.path)
        assert again is not None
        assert (again.states["a"].step, again.states["b"].why) == (steps[-1], "x")
    assert list(dict.fromkeys(steps)) == ["done", "written", "writing", "planned"]


def test_a_batch_is_unfinished_until_every_node_is_done_or_it_is_given_up(tmp_path: Path) -> None:
    made = journal(tmp_path)
    made.note("a", step="done")
    assert made.unfinished == ["b"]
    made.close()
    assert [(one.unfinished, one.path.name) for one in journals(tmp_path)] == [([], "00001.jsonl")]
    assert next_path(tmp_path).name == "00002.jsonl"


def test_a_journal_of_something_else_is_named(tmp_path: Path) -> None:
    (tmp_path / "00001.jsonl").write_text('{"other": 1}\n')
    with pytest.raises(ProvisionError, match="not a journal of this version"):
        journals(tmp_path)


def test_ports_are_given_or_found_and_never_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("provisioning.ports.usb_ports", lambda: {"0001": "/dev/x", "0002": "/dev/y"})
    assert resolved("serial:0002") == "/dev/y"
    assert assigned(["a", "b"], {}) == {"a": "/dev/x", "b": "/dev/y"}
    assert assigned(["a", "b"], {"a": "/dev/y"}) == {"a": "/dev/y", "b": "/dev/x"}
    with pytest.raises(ProvisionError, match="c: no port left; give NAME=PORT, or plug in 1 more"):
        assigned(["a", "b", "c"], {})
    with pytest.raises(ProvisionError, match="/dev/y: named for two boards"):
        assigned(["a", "b"], {"a": "/dev/y", "b": "serial:0002"})
    with pytest.raises(ProvisionError, match="serial:9: not plugged in; there are 0001 0002"):
        resolved("serial:9")


# ---- the verb


@pytest.fixture
def city(tmp_path: Path) -> str:
    directory = tmp_path / "city"
    assert main(["quickstart", str(directory)]) == 0
    (directory / "nodes").mkdir()
    settings = {
        "city": "koper",
        "thing": "spot-0009",
        "kind": "parking",
        "period_ms": 1000,
        "broker": {"host": "127.0.0.1", "port": 8883, "server_name": "localhost"},
        "hal": {"sensor": 4},
    }
    (directory / "nodes" / "park-0009.json").write_text(json.dumps(settings))
    entry = bytes.fromhex("aa50018f00001c0000000400726f6d6673000000000000000000000000000000")
    (tmp_path / "m.bin").write_bytes(b"\xe9".ljust(0x7000, b"\0") + entry + 64 * b"\xff")
    (tmp_path / "none.bin").write_bytes(b"\xe9" * 0x8000)
    return str(directory)


REFUSED = {
    "no city": (["{}/nowhere", "park-0009=/dev/x", "--interpreter", "{}/../m.bin"], "no certificate authority here"),
    "no node": (["{}", "--interpreter", "{}/../m.bin"], "NAME: expected at least one node, or --resume"),
    "no interpreter": (["{}", "park-0009=/dev/x"], "--interpreter: expected the .bin of MicroPython"),
    "no such interpreter": (["{}", "park-0009=/dev/x", "--interpreter", "{}/m"], "--interpreter {}/m: No such file"),
    "no table": (["{}", "park-0009=/dev/x", "--interpreter", "{}/../none.bin"], "entry 0 begins with e9e9"),
    "named twice": (["{}", "a=/dev/x", "a=/dev/y", "--interpreter", "{}/../m.bin"], "a: named twice"),
    "unknown thing": (["{}", "park-0009=/dev/x", "--interpreter", "{}/../m.bin"], "unknown thing spot-0009: give --c"),
    "no settings": (["{}", "park-0008=/dev/x", "--interpreter", "{}/../m.bin"], "park-0008.json: No such file"),
    "nothing to resume": (["{}", "--resume"], "--resume: no batch was begun here"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_person_can_mend_is_one_line(case: str, city: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, why = REFUSED[case]
    capsys.readouterr()
    assert main(["flash", *(argument.format(city) for argument in arguments)]) == 2
    error = capsys.readouterr().err
    assert why.format(city) in error
    assert error.count("\n") == 1


def test_resume_wants_the_same_interpreter_and_a_node_of_the_batch(
    city: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin = ["flash", city, "park-0009=/dev/nowhere", "--interpreter", str(tmp_path / "m.bin"), "--center", "mobility"]
    assert main(begin) == 1  # the port is not there
    capsys.readouterr()
    assert main(begin) == 2
    assert "unfinished: park-0009; give --resume, or --abandon" in capsys.readouterr().err
    assert main(["flash", city, "park-0001=/dev/x", "--resume"]) == 2
    assert "park-0001=/dev/x: with --resume, expected NAME=PORT of park-0009" in capsys.readouterr().err
    (tmp_path / "m.bin").write_bytes(b"\xe9")
    assert main(["flash", city, "--resume"]) == 2
    assert "is not the file that this batch was begun with" in capsys.readouterr().err


def test_a_name_that_was_revoked_is_not_flashed(city: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["issue", city, "park-0009", "--role", "node", "--thing", "spot-0009", "--center", "mobility"]) == 0
    assert main(["revoke", city, "park-0009"]) == 0
    capsys.readouterr()
    assert main(["flash", city, "park-0009=/dev/nowhere", "--interpreter", str(tmp_path / "m.bin")]) == 2
    assert "park-0009: was revoked, and the name stays closed" in capsys.readouterr().err
