import json
from pathlib import Path

import pytest

from provisioning.__main__ import main

WORDS = "four words nobody guesses"


@pytest.fixture
def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("SENZORIKA_PASSPHRASE", WORDS)
    directory = tmp_path / "city"
    assert main(["quickstart", str(directory), "--mqtt-port", "18883", "--encrypt"]) == 0
    return str(directory)


def files(city: str) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in Path(city).rglob("*") if path.is_file()}


def test_an_encrypted_city_is_shown_without_its_passphrase(
    city: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SENZORIKA_PASSPHRASE")
    capsys.readouterr()
    assert main(["authority", "show", city, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["encrypted"] is True
    assert [entry["name"] for entry in shown["issued"]] == ["broker", "collector", "park-0001", "reader"]


def test_a_rotated_name_keeps_its_rights_on_both_brokers(city: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["authority", "rotate", city, "park-0001", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["issued"]["name"] == "park-0001"
    assert (Path(city) / "broker/nats.conf").read_text().count('"CN=park-0001"') == 1
    acl = (Path(city) / "broker/mosquitto.acl").read_text()
    assert acl.count("user park-0001\n") == 1
    assert "deny" not in acl


@pytest.mark.parametrize("action", ["renew", "rotate", "settle", "forget-key"])
def test_a_dry_run_changes_nothing(action: str, city: str) -> None:
    before = files(city)
    assert main(["authority", action, city, "park-0001", "--dry-run"]) == 0
    assert files(city) == before


def test_a_name_that_two_vans_gave_ends_with_one(city: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for van in ("van-1", "van-2"):
        assert main(["authority", "van", city, van, "--to", str(tmp_path / van)]) == 0
        assert main(["broker", str(tmp_path / van), "--mqtt-port", "18884"]) == 0
        assert main(["issue", str(tmp_path / van), "park-0009", "--role", "node", "--thing", "spot-0001"]) == 0
    assert main(["authority", "take", city, str(tmp_path / "van-1")]) == 0
    assert main(["authority", "take", city, str(tmp_path / "van-2")]) == 1
    assert "park-0009" in capsys.readouterr().out


def test_the_passphrase_is_changed_and_a_lost_one_is_said_in_one_line(
    city: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SENZORIKA_NEW_PASSPHRASE", "other words nobody knows")
    assert main(["authority", "encrypt", city]) == 0
    capsys.readouterr()
    assert main(["revoke", city, "park-0001"]) == 2
    error = capsys.readouterr().err
    assert "the passphrase is wrong; if it is lost" in error
    assert error.count("\n") == 1
    monkeypatch.setenv("SENZORIKA_PASSPHRASE", "other words nobody knows")
    assert main(["revoke", city, "park-0001"]) == 0


def test_a_short_passphrase_is_refused(
    city: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SENZORIKA_NEW_PASSPHRASE", "short")
    assert main(["authority", "encrypt", city]) == 2
    assert "a passphrase has at least 12 characters" in capsys.readouterr().err
