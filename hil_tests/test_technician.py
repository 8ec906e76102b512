"""The technician's verbs on virtual lines: what is there is found, read and checked, and what is not is said."""

import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge import config, technician
from edge.__main__ import main
from edge.errors import ConfigError
from edge.technician import Place
from hil_tests.instruments.meters import Meters, Scenario


@pytest.fixture
async def meters(tmp_path: Path) -> AsyncIterator[Meters]:
    lines = [
        {
            "name": "cellar", "kind": "mbus", "link": tmp_path / "cellar.tty", "baud": 38400,
            "meter": [{"thing": "wm-1", "model": "els_falcon", "address": 1, "delay": 0.0}],
        },
        {
            "name": "roof", "kind": "modbus-tcp",
            "meter": [
                {"thing": "em-2", "model": "eastron_sdm120", "address": 2},
                {"thing": "em-4", "model": "abb_b23", "address": 4},
            ],
        },
    ]  # fmt: skip
    made = Meters(Scenario.model_validate({"truth": tmp_path / "truth.jsonl", "line": lines}))
    await made.start()
    yield made
    await made.stop()


def written(tmp_path: Path, lines: str) -> Path:
    for name in ("ca.pem", "gw.pem", "gw.key"):
        (tmp_path / name).write_text("")
    file = tmp_path / "gateway.toml"
    broker = '[broker]\nca = "ca.pem"\ncertificate = "gw.pem"\nkey = "gw.key"\n'
    file.write_text(f'city = "koper"\npublisher = "gw-1"\n{broker}{lines}')
    return file


async def test_a_search_finds_the_meters_of_a_bus_and_its_proposal_is_a_configuration(
    meters: Meters, tmp_path: Path
) -> None:
    seen: list[str] = []
    proposal = await technician.scan(Place("mbus", meters.ports["cellar"], 38400, "N"), [], seen.append)
    assert proposal.meters == 1
    assert seen
    loaded = config.load(written(tmp_path, proposal.text))
    said: list[str] = []
    assert await technician.read(loaded, loaded.line[0].meter[0].thing, said.append) == 0, said
    assert any(line.startswith("water_volume  ") and line.endswith(" m3") for line in said)


async def test_units_are_found_and_the_profile_is_left_to_the_technician(meters: Meters, tmp_path: Path) -> None:
    place = Place("modbus-tcp", meters.ports["roof"], 9600, "N")
    proposal = await technician.scan(place, range(1, 6), lambda _text: None)
    units = [meter["unit_id"] for meter in tomllib.loads(proposal.text)["line"][0]["meter"]]
    assert units == [2, 4]
    with pytest.raises(ConfigError, match="unknown profile 'choose'; known: "):
        config.load(written(tmp_path, proposal.text))


async def test_a_check_names_the_line_that_is_not_there_and_the_plan_that_cannot_be_met(
    meters: Meters, tmp_path: Path
) -> None:
    meter = '[[line.meter]]\nthing = "{}"\nprimary_address = 1\nperiod = {}\n'
    head = '[[line]]\nname = "{}"\nkind = "mbus"\nport = "{}"\nparity = "N"\n'
    lines = head.format("cellar", meters.ports["cellar"]) + meter.format("wm-1", 3600)
    good = config.load(written(tmp_path, lines))
    said: list[str] = []
    assert await technician.check(good, said.append) == 0
    assert said[0].startswith("cellar: 1 meters, ")
    bad = config.load(
        written(tmp_path, lines + head.format("attic", tmp_path / "absent") + "baud = 300\n" + meter.format("wm-2", 1))
    )
    assert await technician.check(bad, said.append) == 1
    assert "attic: 1 meters, " in said[-1]
    assert "the plan can not be met; can not be opened: " in said[-1]


async def test_a_meter_that_does_not_answer_and_one_that_is_unknown_are_said(meters: Meters, tmp_path: Path) -> None:
    lines = f'[[line]]\nname = "roof"\nkind = "modbus-tcp"\nport = "{meters.ports["roof"]}"\n'
    lines += '[[line.meter]]\nthing = "em-9"\nunit_id = 9\nperiod = 60\nprofile = "abb_b23"\n'
    loaded = config.load(written(tmp_path, lines))
    said: list[str] = []
    assert await technician.read(loaded, "em-9", said.append) == 1
    assert "no answer" in said[0]
    with pytest.raises(ConfigError, match="em-1 is on no line"):
        await technician.read(loaded, "em-1", said.append)


def test_the_verbs_end_with_the_status_that_help_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decode", "e5"]) == 0
    assert "acknowledgement" in capsys.readouterr().out
    assert main(["decode", "--json", "68 03"]) == 1
    assert '"field": "error"' in capsys.readouterr().out
    assert main(["decode", "xyz"]) == 2
    assert main(["check", str(tmp_path / "absent.toml")]) == 2
    assert main(["scan", "--kind", "mbus", "--port", str(tmp_path / "absent")]) == 2
    assert capsys.readouterr().err.count("senzorika-gateway: ") == 3


RECEIVER = """keys = "keys.toml"
[[receiver]]
name = "van"
kind = "rtl-wmbus"
port = "tcp:127.0.0.1:1"
[[receiver.meter]]
thing = "wm-33225544"
identification = "33225544"
"""


def test_a_drive_by_round_is_taken_into_the_outbox(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head, lines = RECEIVER.split("\n", 1)
    file = written(tmp_path, lines)
    file.write_text(f"{head}\n{file.read_text()}")
    (tmp_path / "keys.toml").write_text("")
    (tmp_path / "keys.toml").chmod(0o600)
    walked = tmp_path / "round.csv"
    telegram = "1844ae4c4455223368077a55000000041389e20100023b0000"
    walked.write_text(f"identification,received,telegram\n33225544,2026-11-23T11:00:00+01:00,{telegram}\n")
    assert main(["--config", str(file), "import", str(walked)]) == 0
    assert capsys.readouterr().out == f"{walked}: 1 of 1 readings kept for publication\n"
    walked.write_text("identification,received,telegram\n99999999,2026-11-23T11:00:00+01:00,00\n")
    assert main(["--config", str(file), "import", str(walked)]) == 2
    assert "line 2: identification: 99999999 is no radio meter" in capsys.readouterr().err
