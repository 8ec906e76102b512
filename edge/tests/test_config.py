"""gateway.toml: what is taken, and that every refusal is one line that names the key."""

from pathlib import Path

import pytest

from edge import config
from edge.__main__ import main
from edge.errors import ConfigError

GOOD = """city = "koper"
publisher = "gw-0001"
[broker]
ca = "ca.pem"
certificate = "gw.pem"
key = "gw.key"
[[line]]
name = "cellar"
kind = "mbus"
port = "/dev/ttyUSB0"
[[line.meter]]
thing = "wm-1"
primary_address = 1
period = 60
[[line.meter]]
thing = "wm-2"
primary_address = 2
profile = "elster_falcon"
period = 60
[[line]]
name = "roof"
kind = "modbus-tcp"
port = "tcp:127.0.0.1:1502"
[[line.meter]]
thing = "em-1"
profile = "eastron_sdm120"
unit_id = 1
period = 10
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    for name in ("ca.pem", "gw.pem", "gw.key"):
        (tmp_path / name).write_text("")
    file = tmp_path / "gateway.toml"
    file.write_text(GOOD)
    return file


def test_the_readmes_example_is_taken_as_it_stands(path: Path) -> None:
    readme = Path(config.__file__).with_name("README.md").read_text("utf-8")
    path.write_text(readme.split("```toml\n")[1].split("```")[0])
    for name in ("gw-0001.pem", "gw-0001.key"):
        (path.parent / name).write_text("")
    assert config.load(path).line[0].meter[0].thing == "wm-06855817"


def test_files_are_relative_to_the_configuration(path: Path) -> None:
    found = config.load(path)
    assert found.outbox == path.parent / "outbox.sqlite"
    assert found.broker.ca == path.parent / "ca.pem"
    assert [meter.address for line in found.line for meter in line.meter] == [1, 2, 1]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("period = 60\n[[line.meter]]", "period = 0\n[[line.meter]]", "line.0.meter.0.period: Input should be greater"),
        ('"koper"', '"Koper"', "city: id: expected 1 to 64 of a-z 0-9 -"),
        ('publisher = "gw-0001"\n', "", "publisher: Field required"),
        ('publisher = "gw-0001"', 'publisher = "gw-0001"\nspeed = 1', "speed: Extra inputs are not permitted"),
        ('kind = "mbus"', 'kind = "mbuss"', "line.0.kind: Input should be 'mbus', 'modbus-rtu' or 'modbus-tcp'"),
        ('"/dev/ttyUSB0"', '"ttyUSB0"', "line.0.port: expected a serial device"),
        ('"/dev/ttyUSB0"', '"tcp:host"', "line.0.port: expected tcp:host:port"),
        ('"/dev/ttyUSB0"', '"tcp:127.0.0.1:1502"', "line.1.port: tcp:127.0.0.1:1502 is another line's"),
        ('"tcp:127.0.0.1:1502"', '"/dev/ttyUSB1"', "line.1.port: modbus-tcp needs tcp:host:port"),
        ('"wm-2"', '"wm-1"', "line.0.meter.1.thing: wm-1 is read twice"),
        ('"em-1"', '"wm-1"', "line.1.meter.0.thing: wm-1 is read twice"),
        ("primary_address = 2", "primary_address = 1", "line.0.meter.1.primary_address: 1 is another meter's"),
        ("primary_address = 2", "primary_address = 251", "line.0.meter.1.primary_address: Input should be less"),
        ("primary_address = 2\n", "", "line.0.meter.1.primary_address: missing"),
        ("primary_address = 2", "primary_address = 2\nunit_id = 3", "line.0.meter.1.unit_id: means nothing"),
        ('"elster_falcon"', '"elster_eagle"', "line.0.meter.1.profile: unknown profile 'elster_eagle'; known: abb_b23"),
        ('"elster_falcon"', '"abb_b23"', "line.0.meter.1.profile: abb_b23 is a modbus meter, this line is mbus"),
        ('profile = "eastron_sdm120"\n', "", "line.1.meter.0.profile: missing"),
        ("period = 10", "period = 10\njitter = 10", "line.1.meter.0: jitter: 10 s is not below the period"),
        ("period = 10", "period = 10\nreadouts_per_day = 24", "readouts_per_day: a period of 10 s needs 8640"),
        ("period = 10", 'period = 10\nalarm = [{ quantity = "level" }]', "above: either it or below is needed"),
        ("primary_address = 2", 'secondary_address = "12"', "secondary_address: expected 8 or 16 hexadecimal"),
        (
            "primary_address = 2",
            'primary_address = 2\nsecondary_address = "12345678"',
            "has its primary_address already",
        ),
        ("[broker]", '[[interlock]]\nthings = ["wm-1", "wm-9"]\nquantity = "level"\n[broker]', "wm-9 is on no line"),
        ("[broker]", "[http]\nport = 0\n[broker]", "http.port: Input should be greater"),
        ('"gw.pem"', '"absent.pem"', "broker.certificate: no such file"),
        ("[broker]", "[broker", "Expected ']'"),
    ],
)
def test_a_wrong_file_is_refused_with_the_path_of_the_key(path: Path, old: str, new: str, reason: str) -> None:
    assert GOOD.count(old) >= 1
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(ConfigError) as refused:
        config.load(path)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_command_says_one_line_and_ends_with_two(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text(GOOD.replace('"elster_falcon"', '"elster_eagle"'))
    assert main(["--config", str(path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("senzorika-gateway: ")
    assert said.count("\n") == 1


def test_a_missing_file_is_one_line_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--config", str(tmp_path / "absent.toml")]) == 2
    assert "no such file" in capsys.readouterr().err


def test_a_certificate_that_is_none_is_refused_before_anything_is_read(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--config", str(path)]) == 2
    assert "broker.ca: " in capsys.readouterr().err


def test_the_readmes_further_keys_are_taken_too(path: Path) -> None:
    readme = Path(config.__file__).with_name("README.md").read_text("utf-8")
    more = readme.split("```toml\n")[2].split("```")[0]
    head, _, lines = GOOD.partition("[broker]")
    meters = lines.replace('"wm-1"', '"valve-0042"').replace('"wm-2"', '"valve-0043"')
    path.write_text(
        head
        + more.replace("[http]", "[broker]" + meters.split("[[line]]")[0] + "[http]", 1)
        + "[[line]]"
        + meters.split("[[line]]", 1)[1]
    )
    found = config.load(path)
    assert found.interlock[0].things == ["valve-0042", "valve-0043"]
    assert found.center["environment"].key == path.parent / "environment.pem"
