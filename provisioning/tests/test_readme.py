"""What the README tells a technician to type does what it says: every line of the van's day is executed."""

import re
import shlex
from pathlib import Path

import pytest

from collector.tests.koper import open_koper
from collector.tests.serving import serving
from provisioning import doctor_laptop
from provisioning.__main__ import _parser, main
from provisioning.register import Register

README = (Path(__file__).parents[1] / "README.md").read_text()
DAY = README.split("## From the van to the street")[1].split("```")[1]
LINES = [shlex.split(line, comments=True)[1:] for line in DAY.strip().splitlines()]


def test_a_day_in_the_van(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SENZORIKA_PASSPHRASE", "four words nobody guesses")
    monkeypatch.setattr(doctor_laptop, "_PROGRAMS", {})
    (tmp_path / "token").write_text("anything: the collector of this test asks for none\n")
    koper = open_koper(tmp_path / "koper", "memory:")
    try:
        with serving(koper) as url:
            places = {"DIR": str(tmp_path / "city"), "VAN": str(tmp_path / "van"), "URL": url}
            places["TOKEN"] = str(tmp_path / "token")
            for line in LINES:
                if line[0] != "phone":  # serves until it is stopped: see test_phone
                    status = main([places.get(word, word) for word in line])
                    assert status == (1 if "--finish" in line or line[0] == "doctor" else 0), line
    finally:
        koper.close()
    # The doctor names what is left to do: the new board was mounted, and no reading of it came.
    assert re.search(r"park-0003: is mounted, and no reading was seen yet", capsys.readouterr().out)
    stands = Register(tmp_path / "city").standing()
    assert stands.conflicts == []
    assert stands.subjects["board:park-0003"]["things"] == ["spot-0002"]
    assert stands.subjects["board:park-0001"]["status"] == "retired"
    assert (tmp_path / "van/labels/sheet.html").is_file()
    assert not (tmp_path / "city/certificates/park-0001.key").exists()


def test_every_command_of_the_readme_is_one_of_the_tool() -> None:
    commands = re.findall(r"^senzorika-provision .+$", README, re.MULTILINE)
    assert len(commands) > 16
    for command in commands:
        _parser().parse_args(shlex.split(command, comments=True)[1:])
