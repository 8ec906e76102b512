import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from provisioning import ProvisionError
from provisioning.__main__ import main
from provisioning.authority import Authority
from provisioning.mounting import metres_between, read_mounting
from provisioning.record import is_signed
from provisioning.register import Register

Capture = pytest.CaptureFixture[str]
HERE = ["--position", "13.7294", "45.5481"]
TOLD = {"label": "park-0001", "thing": "spot-0001", "longitude": 13.7294, "latitude": 45.5481}


@pytest.fixture
def city(tmp_path: Path) -> str:
    assert main(["quickstart", str(tmp_path / "city"), "--mqtt-port", "18883"]) == 0
    return str(tmp_path / "city")


def commission(city: str, capsys: Capture, *more: str) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["commission", city, "park-0001", "--thing", "spot-0001", *HERE, "--json", *more]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def test_what_was_said_at_the_place_is_signed_and_open_without_a_network(city: str, capsys: Capture) -> None:
    photo = Path(city) / "north.jpg"
    photo.write_bytes(b"a picture")
    told = ["--height", "3.5", "--orientation", "270", "--accuracy", "4", "--photo", str(photo), "--by", "ana"]
    signed = commission(city, capsys, *told)
    record = signed["record"]
    assert record["status"] == "open"
    assert (record["position"], record["height"], record["orientation"]) == ([13.7294, 45.5481], 3.5, 270)
    assert (record["by"], record["source"], record["accuracy"]) == ("ana", "gnss", 4)
    assert record["photo"] == hashlib.sha256(b"a picture").hexdigest()
    assert (Path(city) / f"photos/{record['photo']}.jpg").read_bytes() == b"a picture"
    kept = Register(Path(city)).standing().subjects["board:park-0001"]
    assert kept["status"] == "open"
    assert kept["commissioning"] == signed
    assert is_signed(**signed, trusted=[Authority(Path(city)).certificate])


def test_a_changed_record_is_signed_by_nobody(city: str, capsys: Capture) -> None:
    signed = commission(city, capsys)
    trusted = [Authority(Path(city)).certificate]
    changed = signed["record"] | {"position": [13.0, 45.0]}
    assert not is_signed(changed, signed["signature"], signed["signer"], trusted)
    assert not is_signed(signed["record"], "00", signed["signer"], trusted)
    assert not is_signed(**signed, trusted=[])


def test_a_record_of_a_van_is_signed_by_the_van(
    city: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENZORIKA_PASSPHRASE", "four words nobody guesses")
    van = str(tmp_path / "van-1")
    assert main(["authority", "van", city, "van-1", "--to", van]) == 0
    assert main(["broker", van, "--mqtt-port", "18884"]) == 0
    issue = ["issue", van, "park-0007", "--role", "node", "--thing", "spot-0007", "--center", "mobility"]
    assert main([*issue, "--location", "13.73", "45.55"]) == 0
    capsys.readouterr()
    at = ["--position", "13.73", "45.55", "--json"]
    assert main(["commission", van, "park-0007", "--thing", "spot-0007", *at]) == 0
    signed = json.loads(capsys.readouterr().out)
    assert is_signed(**signed, trusted=[Authority(Path(van)).certificate])
    assert not is_signed(**signed, trusted=[Authority(Path(city)).certificate])
    assert main(["inventory", "merge", city, van]) == 0
    assert Register(Path(city)).standing().subjects["board:park-0007"]["commissioning"] == signed


def test_the_same_again_changes_nothing(city: str, capsys: Capture) -> None:
    first = commission(city, capsys)
    events = Register(Path(city)).events()
    assert commission(city, capsys) == first
    assert Register(Path(city)).events() == events
    assert commission(city, capsys, "--height", "2")["record"]["height"] == 2
    assert len(Register(Path(city)).events()) == len(events) + 1


def test_a_new_thing_comes_into_the_inventory_where_the_board_hangs(city: str) -> None:
    assert main(["issue", city, "park-0002", "--role", "node"]) == 0
    new = ["commission", city, "park-0002", "--thing", "spot-0002", "--position", "13.74", "45.55"]
    assert main([*new, "--center", "mobility"]) == 0
    stands = Register(Path(city)).standing().subjects
    assert stands["thing:spot-0002"]["location"] == [13.74, 45.55]
    text = (Path(city) / "inventory.toml").read_text()
    assert 'id = "park-0002"\nrole = "node"\nthings = ["spot-0002"]' in text
    assert "location = [13.74, 45.55]" in text


def test_a_thing_moves_when_it_is_said_and_not_else(city: str, capsys: Capture) -> None:
    far = ["commission", city, "park-0001", "--thing", "spot-0001", "--position", "13.75", "45.55"]
    assert main(far) == 2
    assert "spot-0001 is 16" in capsys.readouterr().err
    assert main([*far, "--move-thing"]) == 0
    assert Register(Path(city)).standing().subjects["thing:spot-0001"]["location"] == [13.75, 45.55]


def test_a_dry_run_changes_nothing(city: str) -> None:
    before = {path: path.read_bytes() for path in Path(city).rglob("*") if path.is_file()}
    assert main(["commission", city, "park-0001", "--thing", "spot-0001", *HERE, "--dry-run"]) == 0
    assert {path: path.read_bytes() for path in Path(city).rglob("*") if path.is_file()} == before


def test_a_collector_that_is_out_of_reach_leaves_it_open(city: str, capsys: Capture) -> None:
    away = ["--url", "http://127.0.0.1:9", "--wait", "0"]
    assert main(["commission", city, "park-0001", "--thing", "spot-0001", *HERE, *away]) == 1
    assert "open: no state and no reading seen yet" in capsys.readouterr().out
    assert main(["commission", city, "--finish", *away]) == 1
    assert Register(Path(city)).standing().subjects["board:park-0001"]["status"] == "open"


def test_distances_are_those_of_the_earth() -> None:
    assert metres_between((13.73, 45.548), (13.73, 45.549)) == pytest.approx(111.2, abs=0.5)
    assert metres_between((13.73, 45.548), (13.731, 45.548)) == pytest.approx(77.9, abs=0.5)


REFUSED = {
    "another board's label": (["CN:1/park-0001?fp=0123456789ABCDEF", "--thing", "spot-0001"], "of another certificate"),
    "no certificate": (["park-0009", "--thing", "spot-0001"], "park-0009: has no valid certificate of a node"),
    "a reader": (["reader", "--thing", "spot-0001"], "reader: has no valid certificate of a node"),
    "a new thing of nobody": (["park-0001", "--thing", "spot-0009"], "center: spot-0009 is new: whose is it?"),
    "no thing": (["park-0001"], "thing: is missing"),
    "no photo": (["park-0001", "--thing", "spot-0001", "--photo", "/nowhere"], "--photo /nowhere: No such file"),
    "nobody to ask": (["--finish"], "--url: is missing"),
    "nothing to finish": (["park-0001", "--finish", "--url", "http://127.0.0.1:9"], "park-0001: was not commissioned"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_person_can_mend_is_one_line(case: str, city: str, capsys: Capture) -> None:
    arguments, message = REFUSED[case]
    assert main(["commission", city, *arguments, *HERE]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_place_that_another_board_has_is_refused(city: str, capsys: Capture) -> None:
    assert main(["issue", city, "park-0002", "--role", "node"]) == 0
    assert main(["commission", city, "park-0002", "--thing", "spot-0001", *HERE]) == 2
    assert "spot-0001: park-0001 speaks for it; replace or retire that one first" in capsys.readouterr().err


WRONG = {
    "no object": (["park-0001"], "mounting: expected an object"),
    "unknown key": (TOLD | {"depth": 3}, "depth: unknown key"),
    "no label": (TOLD | {"label": None}, "label: expected text"),
    "no thing": (TOLD | {"thing": 7}, "thing: expected text"),
    "thing that is no id": (TOLD | {"thing": "Spot 1"}, "thing: expected 1 to 64"),
    "no latitude": (TOLD | {"latitude": None}, "latitude: where is it"),
    "latitude too great": (TOLD | {"latitude": 91}, "latitude: expected a number from -90 to 90"),
    "not finite": (TOLD | {"longitude": float("nan")}, "longitude: expected a number"),
    "true is no number": (TOLD | {"height": True}, "height: expected a number"),
    "text is no number": (TOLD | {"orientation": "north"}, "orientation: expected a number from 0 to 360"),
    "source": (TOLD | {"source": "guess"}, "source: expected gnss or map"),
    "center": (TOLD | {"center": "moon"}, "center: expected one of governance"),
    "moves": (TOLD | {"moves_thing": "yes"}, "moves_thing: expected true or false"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mounting_is_checked_at_the_door(case: str) -> None:
    told, message = WRONG[case]
    with pytest.raises(ProvisionError, match=message):
        read_mounting(told)
