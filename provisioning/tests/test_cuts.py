"""The power goes at every durable step of every verb; the same command once more, and the doctor finds nothing."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from provisioning import doctor_laptop
from provisioning.__main__ import main
from provisioning.authority import Authority
from provisioning.register import Register

AT = ["--thing", "spot-0001", "--position", "13.7294", "45.5481"]
VERBS = {
    "issue": (["issue", "{}", "park-0002", "--role", "node", "--thing", "spot-0002", "--center", "mobility"], set()),
    "renew": (["authority", "renew", "{}", "park-0001"], set()),
    "rotate": (["authority", "rotate", "{}", "park-0001"], set()),
    "revocations": (["authority", "crl", "{}"], set()),
    "retire": (["retire", "{}", "park-0001"], set()),
    "replace": (["replace", "{}", "park-0001", "park-0009"], set()),
    "commission": (["commission", "{}", "park-0001", *AT], {"park-0001"}),
    "merge": (["inventory", "merge", "{}", "{}/../van-1"], set()),
}


class PowerCutError(BaseException):
    """Not an Exception: nothing may catch it."""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A city with a free board, and a van of it that issued another."""
    folder = tmp_path_factory.mktemp("prepared")
    city, van = str(folder / "city"), str(folder / "van-1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SENZORIKA_PASSPHRASE", "four words nobody guesses")
        assert main(["quickstart", city, "--mqtt-port", "18883", "--encrypt"]) == 0
        assert main(["issue", city, "park-0009", "--role", "node"]) == 0
        assert main(["authority", "van", city, "van-1", "--to", van]) == 0
        assert main(["broker", van, "--mqtt-port", "18884"]) == 0
        new = ["--role", "node", "--thing", "spot-0007", "--center", "mobility"]
        assert main(["issue", van, "park-0007", *new]) == 0
    return folder


@pytest.fixture
def copy(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Path]:
    monkeypatch.setenv("SENZORIKA_PASSPHRASE", "four words nobody guesses")
    monkeypatch.setattr(doctor_laptop, "_PROGRAMS", {})

    def made(number: int) -> Path:
        shutil.copytree(prepared, tmp_path / str(number))
        return tmp_path / str(number) / "city"

    return made


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cut is an exception here: what was written is read from the cache of the host, wherever the disk is."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def cut(arguments: list[str], step: int) -> bool:
    """Whether the power went: at the ``step``-th moment when something had to be durable."""
    steps = 0

    def sync(descriptor: int) -> None:
        nonlocal steps
        steps += 1
        if steps == step:
            raise PowerCutError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", sync)
        try:
            main(arguments)
        except PowerCutError:
            return True
    return False


@pytest.mark.parametrize("verb", VERBS)
def test_what_was_cut_off_is_finished_by_the_same_command(
    verb: str, copy: Callable[[int], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    step = 0
    while True:
        step += 1
        city = copy(step)
        arguments = [argument.format(city) for argument in VERBS[verb][0]]
        if not cut(arguments, step):
            break
        status = main(arguments)
        said = capsys.readouterr().err
        assert status == 0 or "has a valid certificate already" in said, f"{verb} after step {step}: {said}"
        main(["inventory", "list", str(city)])
        capsys.readouterr()
        main(["doctor", str(city), "--json"])
        findings = json.loads(capsys.readouterr().out)["findings"]
        assert {one["about"] for one in findings} == VERBS[verb][1], f"{verb} after step {step}: {findings}"
        Register(city).logs()
        authority = Authority(city)
        newest = {entry.name: entry for entry in authority.issued() if not entry.revoked and entry.role != "van"}
        assert all(authority.is_whole(entry) for entry in newest.values())
    assert step > 4, "nothing was durable"


def test_a_quickstart_that_was_cut_off_is_finished_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor_laptop, "_PROGRAMS", {})
    step = 1
    while cut(arguments := ["quickstart", str(tmp_path / str(step)), "--mqtt-port", "18883"], step):
        assert main(arguments) == 0
        capsys.readouterr()
        assert main(["doctor", str(tmp_path / str(step)), "--json"]) == 0, capsys.readouterr().out
        step += 1
    assert step > 40, "nothing was durable"
