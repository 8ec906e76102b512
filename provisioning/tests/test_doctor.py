import datetime as dt
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from collector.tests.koper import open_koper
from collector.tests.serving import serving
from provisioning import certificate, doctor_certificates, doctor_laptop
from provisioning.__main__ import main
from provisioning.authority import Authority
from provisioning.inventory import Inventory
from provisioning.register import Register

Capture = pytest.CaptureFixture[str]
AT = ["--thing", "spot-0001", "--position", "13.7294", "45.5481"]


@pytest.fixture
def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(doctor_laptop, "_PROGRAMS", {})  # this machine may have no ssh
    assert main(["quickstart", str(tmp_path / "city"), "--mqtt-port", "18883"]) == 0
    return tmp_path / "city"


def found(city: Path, capsys: Capture, *more: str) -> dict[str, str]:
    """What is wrong, by what it is about."""
    capsys.readouterr()
    status = main(["doctor", str(city), "--json", *more])
    findings: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["findings"]
    assert status == (1 if findings else 0)
    assert all(one["do"] for one in findings)
    return {one["about"]: one["wrong"] for one in findings}


def test_a_fresh_city_is_well(city: Path, capsys: Capture) -> None:
    assert found(city, capsys) == {}


def test_it_changes_nothing(city: Path, capsys: Capture) -> None:
    before = {path: path.read_bytes() for path in city.rglob("*") if path.is_file()}
    found(city, capsys)
    assert {path: path.read_bytes() for path in city.rglob("*") if path.is_file()} == before


def in_days(days: float) -> dt.datetime:
    return dt.datetime.now(dt.UTC) + dt.timedelta(days=days)


def test_it_warns_of_a_list_before_it_expires(city: Path) -> None:
    authority = Authority(city)
    assert list(doctor_certificates.lists(city, authority, in_days(certificate.CRL_DAYS - 61))) == []
    (soon,) = doctor_certificates.lists(city, authority, in_days(certificate.CRL_DAYS - 59))
    assert "then mosquitto lets nobody in" in soon.wrong
    (late,) = doctor_certificates.lists(city, authority, in_days(certificate.CRL_DAYS + 1))
    assert late.wrong.startswith("expired on")
    assert late.do == f"run `authority crl {city}`"


def test_an_expired_list_is_found_and_mended(city: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as short:
        short.setattr(certificate, "CRL_DAYS", -1 / 48)
        Authority(city).publish_revocations()
    assert "mosquitto lets nobody in" in found(city, capsys)["the revocation list of the root"]
    assert main(["authority", "crl", str(city)]) == 0
    assert found(city, capsys) == {}


def test_it_warns_of_certificates_before_they_expire(city: Path) -> None:
    authority = Authority(city)
    assert list(doctor_certificates.certificates(city, authority, in_days(certificate.LEAF_DAYS - 61))) == []
    soon = {one.about: one for one in doctor_certificates.certificates(city, authority, in_days(800))}
    assert set(soon) == {"broker", "collector", "park-0001", "reader"}
    assert soon["park-0001"].do == f"run `authority renew {city} park-0001`"
    late = [one.about for one in doctor_certificates.certificates(city, authority, in_days(3640))]
    assert "koper CA" in late


def test_a_certificate_that_was_cut_off_is_found_and_mended(city: Path, capsys: Capture) -> None:
    (city / "certificates/park-0001.pem").unlink()
    assert found(city, capsys) == {"park-0001": "its certificate was cut off while it was written"}
    assert main(["authority", "rotate", str(city), "park-0001"]) == 0
    assert main(["inventory", "list", str(city)]) == 0
    assert found(city, capsys) == {}


def test_the_brokers_certificate_needs_its_names_when_it_is_lost(city: Path, capsys: Capture) -> None:
    (city / "certificates/broker.pem").unlink()
    assert "broker" in found(city, capsys)
    assert main(["authority", "rotate", str(city), "broker"]) == 2
    assert "broker: --host: which names and addresses does it answer to?" in capsys.readouterr().err
    assert main(["authority", "rotate", str(city), "broker", "--host", "localhost", "--host", "127.0.0.1"]) == 0
    assert Authority(city).hosts_of("broker") == ("localhost", "127.0.0.1")
    assert found(city, capsys) == {}


def test_a_key_that_others_can_read_is_named(city: Path, capsys: Capture) -> None:
    (city / "certificates/reader.key").chmod(0o644)
    assert found(city, capsys) == {str(city / "certificates/reader.key"): "others can read this key"}


def test_a_clock_that_is_behind_is_named(city: Path) -> None:
    (behind,) = doctor_laptop.clock(city, Authority(city), in_days(-2))
    assert behind.about == "the clock"
    assert list(doctor_laptop.clock(city, Authority(city), in_days(0))) == []


def test_a_clock_beside_that_of_the_collector(city: Path, tmp_path: Path) -> None:
    koper = open_koper(tmp_path / "koper", "memory:")
    try:
        with serving(koper) as url:
            assert list(doctor_laptop.clock_of(url, in_days(0))) == []
            (off,) = doctor_laptop.clock_of(url, in_days(1))
            assert off.wrong.startswith("is 86")
    finally:
        koper.close()


def test_names_without_certificates_and_boards_without_inventory(city: Path, capsys: Capture) -> None:
    Inventory(city / "inventory.toml").add_publisher("park-0008", "node", [])
    Authority(city).issue("park-0009", "node")
    wrong = found(city, capsys)
    assert wrong["park-0008"] == "stands in inventory.toml and has no certificate"
    assert wrong["park-0009"] == "has a certificate and stands in no inventory"
    assert wrong["board:park-0008"] == "was changed and stands in no log"


def test_rights_that_never_reached_the_broker_are_found_and_mended(city: Path, capsys: Capture) -> None:
    Authority(city).revoke("reader")
    assert main(["inventory", "list", str(city)]) == 0
    assert found(city, capsys) == {"reader": "is revoked and still has rights at the broker"}
    assert main(["broker", str(city)]) == 0
    assert found(city, capsys) == {}


def test_a_board_that_was_mounted_and_never_heard(city: Path, capsys: Capture) -> None:
    assert main(["commission", str(city), "park-0001", *AT]) == 0
    assert found(city, capsys) == {"park-0001": "is mounted, and no reading was seen yet"}


def test_a_record_of_a_stranger_is_named(city: Path, capsys: Capture) -> None:
    assert main(["commission", str(city), "park-0001", *AT]) == 0
    register = Register(city)
    signed = register.standing().subjects["board:park-0001"]["commissioning"]
    signed["record"]["position"] = [0, 0]
    register.record("board:park-0001", "changed", "eve", {"commissioning": signed, "status": "placed"})
    assert found(city, capsys) == {"park-0001": "its record is signed by nobody whom we trust"}


def test_a_changed_log_is_named(city: Path, capsys: Capture) -> None:
    (log,) = city.glob("inventory/*.chain")
    log.write_bytes(log.read_bytes().replace(b"mobility", b"economy "))
    assert "the log was changed" in found(city, capsys)[str(city)]


def test_what_the_collector_knows_and_we_do_not(city: Path, tmp_path: Path, capsys: Capture) -> None:
    inventory = Inventory(city / "inventory.toml")
    inventory.add_publisher("gw-1", "gateway", [])
    koper = open_koper(tmp_path / "koper", "memory:")
    try:
        with serving(koper) as url:
            wrong = found(city, capsys, "--url", url)
        assert wrong["air-0001"] == "the collector knows it and inventory.toml does not"
        assert "spot-0001" not in wrong
    finally:
        koper.close()
    assert "does not say what it knows" in found(city, capsys, "--url", url)[url]


def test_a_missing_tool_and_a_closed_port_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor_laptop, "_MODULES", {"no_such_tool": "flash boards"})
    monkeypatch.setattr(doctor_laptop, "_PROGRAMS", {"no-such-program": "enrol gateways"})
    wrong = {one.about: one.wrong for one in doctor_laptop.programs()}
    assert wrong["no_such_tool"] == "is not installed: it is needed to flash boards"
    assert wrong["no-such-program"] == "is not on the path: it is needed to enrol gateways"
    (port,) = doctor_laptop.ports([str(tmp_path / "ttyUSB0")])
    assert port.wrong == "you may not open this port"


def test_a_directory_without_an_authority_is_said(tmp_path: Path, capsys: Capture) -> None:
    shutil.rmtree(tmp_path, ignore_errors=True)
    assert main(["doctor", str(tmp_path)]) == 2
    assert "no certificate authority here" in capsys.readouterr().err
