"""Every verb can be scripted, and says beforehand what it would do."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioning.__main__ import _parser, main

SERVES_PEOPLE = {"phone"}
"""It serves until it is stopped, and answers to no script."""
CHANGES_NOTHING = {"doctor", "rollout status", "rollout serve", "rollout halt"}
"""``halt`` only stops what is under way; whoever asks for it wants it now."""


def verbs(parser: argparse.ArgumentParser, name: str = "") -> Iterator[tuple[str, set[str]]]:
    below = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    if not below:
        yield name, {text for one in parser._actions for text in one.option_strings}
    for one in below:
        for word, inner in one.choices.items():
            yield from verbs(inner, f"{name} {word}".strip())


VERBS = dict(verbs(_parser()))


@pytest.mark.parametrize("verb", sorted(VERBS.keys() - SERVES_PEOPLE))
def test_every_verb_answers_in_json(verb: str) -> None:
    assert "--json" in VERBS[verb]


@pytest.mark.parametrize("verb", sorted(VERBS.keys() - SERVES_PEOPLE - CHANGES_NOTHING))
def test_every_verb_that_changes_something_can_say_so_first(verb: str) -> None:
    assert "--dry-run" in VERBS[verb]


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_dry_quickstart_makes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    city = tmp_path / "city"
    assert main(["quickstart", str(city), "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["new"] is True
    assert not city.exists()
    assert main(["quickstart", str(city), "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert Path(made["config"]).is_file()
    before = files(city)
    assert main(["quickstart", str(city), "--dry-run"]) == 0
    assert "nothing changed" in capsys.readouterr().out
    assert files(city) == before


def test_a_dry_broker_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    city = tmp_path / "city"
    assert main(["quickstart", str(city)]) == 0
    capsys.readouterr()
    (city / "broker" / "nats.conf").unlink()
    assert main(["broker", str(city), "--dry-run", "--json"]) == 0
    names = [Path(one).name for one in json.loads(capsys.readouterr().out)["written"]]
    assert names == ["nats.conf", "mosquitto.conf", "mosquitto.acl"]
    assert not (city / "broker" / "nats.conf").exists()
    assert main(["broker", str(city)]) == 0
    assert all((city / "broker" / name).is_file() for name in names)
