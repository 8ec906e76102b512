"""The plan of the first real bench holds together: rig, settings of nodes, gateway, wiring, prices and commands."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from collector.__main__ import _parser as collector
from edge import config as gateway
from edge.__main__ import _parser as edge
from hil_tests.bench.file import load_rig
from provisioning.__main__ import _parser as provisioning
from provisioning.__main__ import main
from provisioning.node_files import settings_of

ROOT = Path(__file__).parent.parent
RIGS = ROOT / "hil_tests" / "rigs"
TEXT = (ROOT / "hil_tests" / "README.md").read_text("utf-8").split("## The first real bench")[1].split("\n## ")[0]
UDEV, COMMANDS = (
    block.strip().splitlines() for block in re.findall(r"^```\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
)
RIG = load_rig(RIGS / "bench.toml")
RAW = tomllib.loads((RIGS / "bench.toml").read_text())
PLACE = "/etc/senzorika"


def rows(head: str) -> list[list[str]]:
    """Of the table that begins with this."""
    lines = TEXT.split(f"| {head}", 1)[1].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[: lines.index("")]]


def test_its_parts_cost_less_than_200_euros() -> None:
    total = sum(int(pieces) * float(each) for _, pieces, each in rows("part"))
    assert 100 < total < 200
    assert "check them" in TEXT
    assert "Nobody has soldered it." in TEXT


def test_each_device_of_the_rig_gets_its_name_from_a_rule() -> None:
    named = {f"/dev/{name}" for name in re.findall(r'SYMLINK\+="([a-z-]+)"', "\n".join(UDEV))}
    assert len(UDEV) == len(named)
    assert named == set(map(str, RIG.needs))
    used = {one["port"] for noun in RAW.values() if isinstance(noun, list) for one in noun if "port" in one}
    assert used == named


@pytest.mark.parametrize("node", RIG.node, ids=lambda node: node.name)
def test_a_node_is_what_the_rig_says_of_it(node: Any, tmp_path: Path) -> None:
    (tmp_path / "nodes").mkdir()
    shutil.copy(RIGS / "bench" / f"{node.name}.json", tmp_path / "nodes")
    found = settings_of(tmp_path, node.name)
    assert (found["kind"], found["thing"]) == (node.kind, node.thing)
    assert {key: found[key] for key in node.battery.settings} == node.battery.settings if node.battery else True
    assert ("battery" in found) == (node.battery is not None)
    wired = {one.wire for one in RIG.stimulus if one.node == node.name}
    assert wired <= set(found["hal"])


def test_the_gateway_has_the_lines_of_the_rig() -> None:
    table = tomllib.loads((RIGS / "bench" / "gateway.toml").read_text())
    assert table["publisher"] == RIG.gateway[0].name
    assert table["line"] == [one.table for one in RIG.line]
    assert gateway.Config.model_validate(table).line == [one.config for one in RIG.line]


def wire(name: str, sensor: str) -> Any:
    return json.loads((RIGS / "bench" / f"{name}.json").read_text())["hal"][sensor]


def test_the_wiring_goes_to_the_pins_and_coils_of_the_files() -> None:
    wiring = " / ".join(f"{start} -> {end}: {why}" for start, end, why in rows("from"))
    coils = {one["node"]: one["coil"] for one in RAW["power"]}
    assert f"coils {', '.join(str(coils[node.name]) for node in RIG.node)} of unit 1 switch" in wiring
    uart = wire("park-0001", "sensor")
    assert f"`park-0001` GPIO {uart['tx']} -> JSN-SR04T RX" in wiring
    assert f"`park-0001` GPIO {uart['rx']} through" in wiring
    (shunt,), (pulses, dac) = RAW["current"], RAW["stimulus"]
    assert f"spare board GPIO {shunt['scl']}, {shunt['sda']}, 3.3 V -> INA226 SCL, SDA" in wiring
    assert f"spare board GPIO {pulses['pin']} -> `water-0001` GPIO {wire('water-0001', 'sensor')}" in wiring
    assert f"analogue output {dac['register']} of unit {dac['unit_id']} through 22 kΩ, with 10 kΩ to ground" in wiring
    assert f"-> `water-0001` GPIO {wire('water-0001', 'pressure')}:" in wiring


def test_what_the_output_shows_is_what_the_node_takes_it_for() -> None:
    """Behind 22 and 10 kilohm, at both ends, in mV and mbar."""
    node = json.loads((RIGS / "bench" / "water-0001.json").read_text())
    dac = RAW["stimulus"][1]
    for end, millivolts, millibar in zip(
        (dac["low"], dac["high"]), node["pressure_mv"], node["pressure_mbar"], strict=True
    ):
        assert end["word"] * 10 / 32 == millivolts
        assert end["shown"] * 1000 == millibar


def test_every_test_for_all_rigs_is_in_the_command_and_is_found(tmp_path: Path) -> None:
    command = shlex.split(COMMANDS[-1])
    files = [word for word in command if word.endswith(".py")]
    assert {f"hil_tests/{one.name}" for one in (ROOT / "hil_tests").glob("test_instruments_*.py")} - set(files) == {
        "hil_tests/test_instruments_line.py"
    }
    assert Path(command[command.index("--rig") + 1]) == Path("hil_tests/rigs/bench.toml")
    command = [str(tmp_path / word) if word in ("logs", "bench.html") else word for word in command]
    found = [sys.executable, "-m", *command, "--collect-only", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(found, cwd=ROOT, check=False, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout
    for of_the_rig in ("off_and_on_do_what_they_say_and_may_be_said_twice[water-0002]", "its_time[water-0002]"):
        assert of_the_rig in done.stdout
    assert "so_many_pulses_are_given_and_no_more[water-0001.sensor]" in done.stdout
    assert "no_more[water-0001.pressure]" not in done.stdout


def words(line: str) -> list[str]:
    """Without what the shell does with them."""
    return shlex.split(line.split(" > ", maxsplit=1)[0])


def test_every_command_is_one_of_its_program() -> None:
    parsers = {"senzorika-provision": provisioning, "senzorika-collector": collector, "senzorika-gateway": edge}
    programs = [words(line) for line in COMMANDS]
    assert {name for name, *_ in programs} == {*parsers, "install", "pytest"}
    for name, *rest in programs:
        if name in parsers:
            parsers[name]().parse_args(rest)


def test_the_city_of_the_bench_is_made_by_its_commands(tmp_path: Path) -> None:
    """As far as they need no boards."""
    city = tmp_path / "bench-city"
    for line in COMMANDS[: next(place for place, one in enumerate(COMMANDS) if " flash " in one)]:
        typed = line.replace(PLACE, str(tmp_path))
        if typed.startswith("senzorika-provision"):
            assert main(words(typed)[1:]) == 0, line
        else:
            subprocess.run(typed, shell=True, check=True, cwd=ROOT)  # noqa: S602 - as a person types it
    assert {one.name for _, _, one in RIG.devices} <= {file.stem for file in (city / "certificates").glob("*.pem")}
    for node in RIG.node:
        assert settings_of(city, node.name)["publisher"] == node.name
    table = (RIGS / "bench" / "gateway.toml").read_text().replace(PLACE, str(tmp_path))
    (tmp_path / "gateway.toml").write_text(table)
    assert gateway.load(tmp_path / "gateway.toml").publisher == RIG.gateway[0].name
