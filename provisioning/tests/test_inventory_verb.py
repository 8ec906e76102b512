import hashlib
import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import httpx
import pytest

from collector.access.asker import EVERY, Asker, Grant
from collector.entities.inventory import load_inventory
from collector.tests.koper import open_koper
from collector.tests.serving import serving
from provisioning.__main__ import main
from provisioning.inventory import Inventory

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("SENZORIKA_PASSPHRASE", "four words nobody guesses")
    assert main(["quickstart", str(tmp_path / "city"), "--mqtt-port", "18883"]) == 0
    return str(tmp_path / "city")


@pytest.fixture
def vans(city: str, tmp_path: Path) -> list[str]:
    made = []
    for name in ("van-1", "van-2"):
        made.append(str(tmp_path / name))
        assert main(["authority", "van", city, name, "--to", made[-1]]) == 0
        assert main(["broker", made[-1], "--mqtt-port", "18884"]) == 0
    return made


def asked(capsys: Capture, *arguments: str, status: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    assert main([*arguments, "--json"]) == status
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def add(directory: str, node: str, thing: str) -> None:
    assert main(["issue", directory, node, "--role", "node", "--thing", thing, "--center", "mobility"]) == 0


def test_what_was_made_stands_in_the_register_with_its_certificate(city: str, capsys: Capture) -> None:
    add(city, "park-0002", "spot-0002")
    shown = asked(capsys, "inventory", "show", city, "park-0002")["board:park-0002"]
    assert shown["things"] == ["spot-0002"]
    assert shown["certificate"]["revoked"] is False
    assert len(shown["fingerprint"]) == 64
    assert main(["revoke", city, "park-0002", "--by", "ana"]) == 0
    history = asked(capsys, "inventory", "history", city, "park-0002")["events"]
    assert [event["kind"] for event in history] == ["made", "revoked"]
    assert history[1]["by"] == "ana"


def test_a_second_look_writes_nothing(city: str, capsys: Capture) -> None:
    first = asked(capsys, "inventory", "list", city)
    logs = {path: path.read_bytes() for path in (Path(city) / "inventory").iterdir()}
    assert asked(capsys, "inventory", "list", city) == first
    assert {path: path.read_bytes() for path in (Path(city) / "inventory").iterdir()} == logs


def test_a_dry_run_of_a_first_look_makes_no_register(city: str, capsys: Capture) -> None:
    shutil.rmtree(Path(city) / "inventory")
    (Path(city) / "inventory.db").unlink()
    asked(capsys, "inventory", "list", city, "--dry-run")
    assert not (Path(city) / "inventory").exists()
    assert not (Path(city) / "inventory.db").exists()


def test_two_vans_come_together_in_either_order(city: str, vans: list[str], capsys: Capture) -> None:
    for number, van in enumerate(vans, start=2):
        add(van, f"park-000{number}", f"spot-000{number}")
        asked(capsys, "inventory", "list", van)
    for van in vans:
        assert asked(capsys, "inventory", "merge", city, van)["conflicts"] == []
    assert asked(capsys, "inventory", "merge", city, vans[0])["events"]["new"] == 0
    asked(capsys, "inventory", "merge", vans[1], vans[0])
    asked(capsys, "inventory", "merge", vans[0], vans[1])
    lists = [asked(capsys, "inventory", "list", one)["subjects"] for one in (city, *vans)]
    assert lists[0] == lists[1] == lists[2]
    for one in (city, *vans):
        things = {thing.id for thing in load_inventory(Path(one) / "inventory.toml").thing}
        assert things == {"spot-0001", "spot-0002", "spot-0003"}
    assert '"CN=park-0003"' in (Path(city) / "broker/nats.conf").read_text()


def test_two_vans_that_differ_are_shown_and_settled(city: str, vans: list[str], capsys: Capture) -> None:
    for number, van in enumerate(vans):
        Inventory(Path(van) / "inventory.toml").place_thing("spot-0001", (13.72, 45.54 + number / 1000))
        asked(capsys, "inventory", "list", van)
    asked(capsys, "inventory", "merge", city, vans[0])
    answer = asked(capsys, "inventory", "merge", city, vans[1], status=1)
    (conflict,) = answer["conflicts"]
    assert (conflict["subject"], conflict["field"]) == ("thing:spot-0001", "location")
    assert sorted(conflict["values"]) == [[13.72, 45.54], [13.72, 45.541]]
    asked(capsys, "inventory", "settle", city, "spot-0001")
    assert asked(capsys, "inventory", "list", city)["conflicts"] == []
    asked(capsys, "inventory", "merge", vans[0], city)
    assert load_inventory(Path(vans[0]) / "inventory.toml").thing[0].location == tuple(conflict["values"][0])


def test_a_merge_that_was_cut_before_the_export_takes_nothing_back(city: str, vans: list[str], capsys: Capture) -> None:
    Inventory(Path(vans[0]) / "inventory.toml").place_thing("spot-0001", (13.72, 45.54))
    asked(capsys, "inventory", "list", vans[0])
    before = (Path(city) / "inventory.toml").read_bytes()
    asked(capsys, "inventory", "merge", city, vans[0])
    (Path(city) / "inventory.toml").write_bytes(before)  # as if the power had gone before it was written
    (Path(city) / "inventory/told.json").write_text(
        (Path(vans[1]) / "inventory/told.json").read_text()  # which still has what both began with
    )
    assert asked(capsys, "inventory", "export", city)["changed"] == ["spot-0001"]
    assert load_inventory(Path(city) / "inventory.toml").thing[0].location == (13.72, 45.54)


def test_what_another_laptop_has_not_recorded_is_not_passed_over(city: str, vans: list[str], capsys: Capture) -> None:
    Inventory(Path(vans[0]) / "inventory.toml").place_thing("spot-0001", (13.72, 45.54))
    assert main(["inventory", "merge", city, vans[0]]) == 2
    assert "has changes that are in no log; run `inventory list` there first" in capsys.readouterr().err


def test_a_place_is_changed_and_what_people_wrote_stays(city: str) -> None:
    file = Path(city) / "inventory.toml"
    file.write_text(file.read_text().replace('id = "spot-0001"', 'id = "spot-0001"  # beside the church'))
    Inventory(file).place_thing("spot-0001", (13.7, 45.5, 3.0))
    assert "# beside the church" in file.read_text()
    assert tomllib.loads(file.read_text())["thing"][0]["location"] == [13.7, 45.5, 3.0]


def test_a_thing_in_an_unusual_form_is_left_to_its_person(tmp_path: Path) -> None:
    file = tmp_path / "inventory.toml"
    file.write_text('city = "koper"\nthing = [{ id = "spot-0001", location = [1.0, 2.0] }]\n')
    with pytest.raises(Exception, match=r"thing spot-0001: location: can't be changed here; write location ="):
        Inventory(file).place_thing("spot-0001", (3.0, 4.0))


def test_a_real_collector_learns_of_things_once(city: str, tmp_path: Path, capsys: Capture) -> None:
    add(city, "park-0002", "spot-0002")
    koper = open_koper(tmp_path / "koper", "memory:")  # has a spot-0001
    try:
        with serving(koper) as url:
            told = asked(capsys, "inventory", "export", city, "--to", url)
            assert (told["created"], told["there_already"], told["refused"]) == (["spot-0002"], ["spot-0001"], {})
            again = asked(capsys, "inventory", "export", city, "--to", url)
            assert again["created"] == []
            question = {"$filter": "properties/id eq 'spot-0002'", "$expand": "Locations"}
            (thing,) = httpx.get(f"{url}/v1.1/Things", params=question).json()["value"]
        assert thing["properties"]["center"] == "mobility"
        assert thing["Locations"][0]["location"]["coordinates"] == [13.73, 45.548]
    finally:
        koper.close()


def test_a_token_that_may_not_is_said(city: str, tmp_path: Path, capsys: Capture) -> None:
    koper = open_koper(tmp_path / "koper", "memory:")
    reader = Asker("ana", frozenset((Grant(EVERY, "read"),)), "test")
    token = tmp_path / "token"
    token.write_text("")
    add(city, "park-0002", "spot-0002")
    try:
        with serving(koper, reader) as url:
            assert main(["inventory", "export", city, "--to", url]) == 2
            assert "the token may not add things" in capsys.readouterr().err
            assert main(["inventory", "export", city, "--to", url, "--token-file", str(token)]) == 2
            assert "is empty; expected a token of the collector" in capsys.readouterr().err
    finally:
        koper.close()


def test_a_picture_that_was_changed_is_not_taken_over(city: str, vans: list[str], capsys: Capture) -> None:
    photos = Path(vans[0]) / "photos"
    photos.mkdir()
    right = photos / f"{hashlib.sha256(b'a').hexdigest()}.jpg"
    right.write_bytes(b"a")
    asked(capsys, "inventory", "merge", city, vans[0])
    assert (Path(city) / "photos" / right.name).read_bytes() == b"a"
    right.write_bytes(b"b")
    assert main(["inventory", "merge", city, vans[0]]) == 2
    assert "is another picture than its record says" in capsys.readouterr().err
    assert (Path(city) / "photos" / right.name).read_bytes() == b"a"


def test_what_people_write_is_no_markup(city: str, capsys: Capture) -> None:
    assert main(["retire", city, "park-0001", "--reason", "[/bold] fell [red]off"]) == 0
    capsys.readouterr()
    assert main(["inventory", "history", city, "park-0001"]) == 0
    assert "[/bold] fell [red]off" in capsys.readouterr().out


REFUSED = {
    "nobody": (["inventory", "show", "{}", "park-0999"], "park-0999: is in no log of"),
    "no history": (["inventory", "history", "{}", "park-0999"], "park-0999: is in no log of"),
    "no other": (["inventory", "merge", "{}", "/nowhere"], "/nowhere: no register here"),
    "no collector": (["inventory", "export", "{}", "--to", "http://127.0.0.1:9"], "http://127.0.0.1:9: "),
    "no token": (["inventory", "export", "{}", "--to", "http://127.0.0.1:9", "--token-file", "/nowhere"], "/nowhere: "),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_person_can_mend_is_one_line(case: str, city: str, capsys: Capture) -> None:
    arguments, message = REFUSED[case]
    assert main([argument.format(city) for argument in arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
