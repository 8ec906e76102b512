import json
from pathlib import Path
from typing import Any

import pytest

from provisioning import rings
from provisioning.__main__ import main
from provisioning.rings import Gate, Rollout
from provisioning.rollout_journal import Journal
from provisioning.tests.test_offered import lay

URL = "https://localhost:1/12"


@pytest.fixture
def city(tmp_path: Path) -> Path:
    directory = tmp_path / "city"
    assert main(["quickstart", str(directory), "--mqtt-port", "18883"]) == 0
    issue = ["issue", str(directory), "park-0002", "--role", "node", "--thing", "spot-0002", "--center", "mobility"]
    assert main(issue) == 0
    return directory


def begun(city: Path, status: Any = "running", release: int = 12) -> Rollout:
    nodes = rings.assign(["park-0001", "park-0002"])
    rollout = Rollout(release, "1.5.0", URL, "releases", Gate(1000, 1000), nodes, status)
    journal = Journal(city)
    journal.begin(rollout, 0)
    journal.close()
    return rollout


def starts(city: Path, *words: str, publishers: tuple[str, ...] = ("all",)) -> int:
    folder = city.parent / "12"
    release = folder if folder.exists() else lay(folder)
    return main(["rollout", "start", str(city), str(release), "--url", URL, "--publishers", *publishers, *words])


def test_a_dry_run_shows_the_rings_and_keeps_nothing(city: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert starts(city, "--dry-run", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [(node["publisher"], node["ring"], node["status"]) for node in told["nodes"]] == [
        ("park-0001", 1, "waiting"),
        ("park-0002", 2, "waiting"),
    ]
    assert Journal(city).rollout is None


@pytest.mark.parametrize(
    ("words", "publishers", "said"),
    [
        ((), ("park-0009",), "--publishers park-0009: no node of this city"),
        (("--hold", "0"), ("all",), "--hold 0.0: expected more than 0 seconds"),
        (("--rings", "2", "1"), ("all",), "rings: 2 1: expected sizes that grow and end with all"),
        ((), ("all",), "releases.pem"),
    ],
)
def test_what_can_not_be_is_refused_before_anybody_is_asked(
    city: Path, words: tuple[str, ...], publishers: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert starts(city, *words, publishers=publishers) == 2
    assert said in capsys.readouterr().err
    assert Journal(city).rollout is None


@pytest.mark.parametrize(
    ("status", "release", "said"),
    [
        ("running", 11, "release 11: is on its way; halt it first"),
        ("halted", 12, "release 12: is halted"),
        ("finished", 13, "release 12: is older than 13, which was rolled out"),
    ],
)
def test_one_rollout_at_a_time(
    city: Path, status: str, release: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    begun(city, status, release)
    assert starts(city) == 2
    assert said in capsys.readouterr().err


def test_the_same_release_for_others_is_another_rollout(city: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begun(city)
    assert starts(city, publishers=("park-0001",)) == 2
    assert "release 12: was begun otherwise" in capsys.readouterr().err


def test_status_and_halt_say_how_it_stands(city: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rollout", "status", str(city)]) == 2
    assert "no rollout was begun here" in capsys.readouterr().err
    begun(city)
    assert main(["rollout", "status", str(city)]) == 0
    assert main(["rollout", "halt", str(city)]) == 0
    capsys.readouterr()
    assert main(["rollout", "status", str(city), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["status"], told["reason"]) == ("halted", "by hand")


def test_a_second_process_does_not_run_the_same_rollout(city: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["issue", str(city), "releases", "--role", "center"]) == 0
    begun(city)
    with Journal(city).alone() as is_alone:
        assert is_alone
        assert main(["rollout", "resume", str(city)]) == 2
    assert "another process runs this rollout" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["no key", None])
def test_a_signing_key_that_is_none_is_named(
    city: Path, content: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["issue", str(city), "releases", "--role", "center"]) == 0
    begun(city)
    key = city / "other.key"
    if content:
        key.write_text(content)
    assert main(["rollout", "resume", str(city), "--signing-key", str(key)]) == 2
    assert str(key) in capsys.readouterr().err
