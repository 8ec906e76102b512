import json
import tomllib
from pathlib import Path

import pytest

from provisioning.__main__ import main


@pytest.fixture
def city(tmp_path: Path) -> str:
    assert main(["quickstart", str(tmp_path), "--mqtt-port", "18883"]) == 0
    return str(tmp_path)


def test_quickstart_makes_everything_a_first_reading_needs(city: str) -> None:
    directory = Path(city)
    for name in ("collector", "park-0001", "reader", "broker"):
        assert (directory / "certificates" / f"{name}.pem").is_file()
    collector = tomllib.loads((directory / "collector.toml").read_text())
    assert collector["broker"]["port"] == 18883
    assert (directory / "broker" / f"{collector['broker']['kind']}.conf").is_file()
    inventory = tomllib.loads((directory / "inventory.toml").read_text())
    assert inventory["publisher"][0]["things"] == [inventory["thing"][0]["id"]]


def test_quickstart_again_changes_nothing_that_is_there(city: str) -> None:
    before = {p: p.read_bytes() for p in Path(city).rglob("*") if p.is_file() and p.parent.name != "broker"}
    assert main(["quickstart", city, "--mqtt-port", "18883"]) == 0
    assert {p: p.read_bytes() for p in before} == before


def test_a_new_node_gets_its_certificate_its_thing_and_its_rights(city: str) -> None:
    arguments = ["issue", city, "park-0002", "--role", "node", "--thing", "spot-0002", "--center", "mobility"]
    assert main(arguments) == 0
    inventory = tomllib.loads((Path(city) / "inventory.toml").read_text())
    assert {"id": "park-0002", "role": "node", "things": ["spot-0002"]} in inventory["publisher"]
    assert "CN=park-0002" in (Path(city) / "broker/nats.conf").read_text()
    assert main(["revoke", city, "park-0002"]) == 0
    assert "CN=park-0002" not in (Path(city) / "broker/nats.conf").read_text()


def test_a_further_collector_gets_the_rights_of_the_first_and_is_no_publisher(city: str) -> None:
    before = (Path(city) / "inventory.toml").read_bytes()
    assert main(["issue", city, "collector-2", "--role", "collector"]) == 0
    assert (Path(city) / "inventory.toml").read_bytes() == before
    acl = (Path(city) / "broker/mosquitto.acl").read_text()
    rights = {part.split("\n")[0]: part.split("\n")[1:] for part in acl.strip().split("\n\nuser ")}
    assert rights["collector-2"] == rights["collector"]
    users = [line for line in (Path(city) / "broker/nats.conf").read_text().splitlines() if '"CN=collector' in line]
    assert users[1].replace("collector-2", "collector", 1) == users[0]


REFUSED = {
    "no directory": (["broker", "{}/nowhere"], "no inventory here"),
    "bad city": (["quickstart", "{}/new", "--city", "Koper Town"], "city: expected 1 to 64"),
    "unknown thing": (["issue", "{}", "park-0003", "--role", "node", "--thing", "x"], "unknown thing x: give --center"),
    "thing for a reader": (["issue", "{}", "r2", "--role", "reader", "--thing", "x"], "a reader speaks for no thing"),
    "thing for a collector": (
        ["issue", "{}", "c2", "--role", "collector", "--thing", "x"],
        "a collector speaks for no",
    ),
    "name taken": (["issue", "{}", "reader", "--role", "reader"], "reader: has a valid certificate already"),
    "nobody to revoke": (["revoke", "{}", "park-0009"], "park-0009: has no valid certificate"),
    "not writable": (["quickstart", "/proc/senzorika"], "/proc/senzorika/ca/ca.pem: No such file or directory"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_person_can_mend_is_one_line(case: str, city: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, message = REFUSED[case]
    assert main([argument.format(city) for argument in arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("verb", [["issue", "{}", "park-0003", "--role", "node"], ["revoke", "{}", "park-0001"]])
def test_a_dry_run_changes_nothing(verb: list[str], city: str) -> None:
    before = {path: path.read_bytes() for path in Path(city).rglob("*") if path.is_file()}
    assert main([argument.format(city) for argument in [*verb, "--dry-run"]]) == 0
    assert {path: path.read_bytes() for path in Path(city).rglob("*") if path.is_file()} == before


def test_scripts_read_one_document(city: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["issue", city, "park-0003", "--role", "node", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["issued"]["name"] == "park-0003"
    assert main(["revoke", city, "park-0003", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"revoked": "park-0003"}
