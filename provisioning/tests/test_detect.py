"""Which boards there are is asked of the ports that are named, or of every USB adapter."""

import json

import pytest

from provisioning.__main__ import main


def test_without_a_port_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("provisioning.verbs.detect.usb_ports", dict)
    assert main(["detect"]) == 2
    assert capsys.readouterr().err == "senzorika-provision: no USB adapter is plugged in; give --port\n"


def test_a_port_where_nobody_answers_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["detect", "--port", "/dev/nowhere", "--json"]) == 1
    [board] = json.loads(capsys.readouterr().out)["boards"]
    assert (board["port"], board["mac"]) == ("/dev/nowhere", None)
    assert "Could not open /dev/nowhere" in board["why"]


def test_a_dry_run_asks_no_board(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("provisioning.verbs.detect.usb_ports", lambda: {"0001": "/dev/nowhere"})
    assert main(["detect", "--dry-run"]) == 0
    assert capsys.readouterr().out == "/dev/nowhere: not asked\n"
