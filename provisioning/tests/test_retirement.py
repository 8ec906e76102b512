import json
from pathlib import Path

import pytest

from collector.entities.inventory import load_inventory
from provisioning import retirement
from provisioning.__main__ import main
from provisioning.authority import Authority
from provisioning.register import Register

Capture = pytest.CaptureFixture[str]
AT = ["--thing", "spot-0001", "--position", "13.7294", "45.5481"]


@pytest.fixture
def city(tmp_path: Path) -> str:
    assert main(["quickstart", str(tmp_path), "--mqtt-port", "18883"]) == 0
    assert main(["issue", str(tmp_path), "park-0002", "--role", "node"]) == 0
    return str(tmp_path)


def speakers(city: str) -> dict[str, tuple[str, ...]]:
    return {one.id: one.things for one in load_inventory(Path(city) / "inventory.toml").publisher}


def test_a_new_board_takes_the_place_and_the_history_stays(city: str, capsys: Capture) -> None:
    assert main(["commission", city, "park-0001", *AT, "--height", "3", "--by", "ana"]) == 0
    capsys.readouterr()
    assert main(["replace", city, "park-0001", "park-0002", "--reason", "hit by a lorry", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)["commissioning"]["record"]
    assert (record["board"], record["thing"], record["height"]) == ("park-0002", "spot-0001", 3)
    assert record["status"] == "open"
    assert speakers(city) == {"park-0001": (), "park-0002": ("spot-0001",)}
    assert Authority(Path(city)).holder("park-0001") is None
    assert '"CN=park-0001"' not in (Path(city) / "broker/nats.conf").read_text()
    old = Register(Path(city)).standing().subjects["board:park-0001"]
    assert (old["status"], old["replaced_by"], old["reason"]) == ("retired", "park-0002", "hit by a lorry")
    kinds = [event.kind for event in Register(Path(city)).events("board:park-0001")]
    assert kinds == ["made", "commissioned", "replaced", "revoked"]


@pytest.mark.parametrize("step", ["export", "revoke"])
def test_a_cut_in_the_middle_is_mended_by_the_same_command(
    step: str, city: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["commission", city, "park-0001", *AT]) == 0
    with monkeypatch.context() as cut:
        owner = retirement if step == "export" else Authority

        def stop(*_: object) -> None:
            raise KeyboardInterrupt

        cut.setattr(owner, step, stop)
        with pytest.raises(KeyboardInterrupt):
            main(["replace", city, "park-0001", "park-0002"])
    assert main(["replace", city, "park-0001", "park-0002"]) == 0
    assert speakers(city) == {"park-0001": (), "park-0002": ("spot-0001",)}
    assert Authority(Path(city)).holder("park-0001") is None
    subjects = Register(Path(city)).standing().subjects
    assert subjects["board:park-0002"]["commissioning"]["record"]["thing"] == "spot-0001"
    events = len(Register(Path(city)).events())
    assert main(["replace", city, "park-0001", "park-0002"]) == 0
    assert len(Register(Path(city)).events()) == events


def test_a_retired_board_speaks_for_nothing_and_its_thing_stays(city: str) -> None:
    assert main(["retire", city, "park-0001", "--reason", "no longer wanted"]) == 0
    inventory = load_inventory(Path(city) / "inventory.toml")
    assert [thing.id for thing in inventory.thing] == ["spot-0001"]
    assert speakers(city)["park-0001"] == ()
    assert Authority(Path(city)).holder("park-0001") is None
    assert main(["retire", city, "park-0001"]) == 0


REFUSED = {
    "nobody": (["retire", "{}", "park-0009"], "park-0009: is in no inventory and has no certificate"),
    "the same": (["replace", "{}", "park-0001", "park-0001"], "park-0001: is the same board"),
    "no certificate": (["replace", "{}", "park-0001", "park-0009"], "park-0009: has no valid certificate of a node"),
    "not free": (["replace", "{}", "park-0002", "park-0001"], "park-0001: speaks for spot-0001 already"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_person_can_mend_is_one_line(case: str, city: str, capsys: Capture) -> None:
    arguments, message = REFUSED[case]
    assert main([argument.format(city) for argument in arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_place_is_taken_by_one_board_only(city: str, capsys: Capture) -> None:
    assert main(["issue", city, "park-0003", "--role", "node"]) == 0
    assert main(["replace", city, "park-0001", "park-0002"]) == 0
    assert main(["replace", city, "park-0001", "park-0003"]) == 2
    assert "park-0001: was replaced by park-0002 already" in capsys.readouterr().err


@pytest.mark.parametrize("verb", [["retire", "{}", "park-0001"], ["replace", "{}", "park-0001", "park-0002"]])
def test_a_dry_run_changes_nothing(verb: list[str], city: str) -> None:
    before = {path: path.read_bytes() for path in Path(city).rglob("*") if path.is_file()}
    assert main([argument.format(city) for argument in [*verb, "--dry-run"]]) == 0
    assert {path: path.read_bytes() for path in Path(city).rglob("*") if path.is_file()} == before
