"""Random faults by a seed: the same seed is the same run, and no run costs a value."""

import os
import random
from html.parser import HTMLParser
from pathlib import Path

import pytest

from hil_tests import chaos
from hil_tests.harm.faults import FAULTS
from hil_tests.instruments.broker import KINDS
from hil_tests.judging import verdict
from hil_tests.judging.comparison import Account, Given, Stored
from hil_tests.reports import report

SEED = int(os.environ.get("SENZORIKA_SEED", random.randrange(10**6)))


def test_the_same_seed_is_the_same_run_and_another_is_another() -> None:
    first = chaos.schedule(7, 1200)
    assert first == chaos.schedule(7, 1200)
    assert first != chaos.schedule(8, 1200)


@pytest.mark.parametrize("seed", range(20))
def test_faults_come_one_after_the_other_within_the_run(seed: int) -> None:
    planned = chaos.schedule(seed, 3600)
    assert len(planned) > 150
    assert {one.fault for one in planned} == set(chaos.NAMES)
    assert all(one.target in {target.name for target in FAULTS[one.fault].targets} for one in planned)
    end = 0.0
    for one in planned:
        assert chaos.CALM[0] <= one.begin - end <= chaos.CALM[1]
        assert chaos.LASTS[0] <= one.end - one.begin <= chaos.LASTS[1]
        end = one.end
    assert end <= 3600


def run(**more: object) -> report.Run:
    key = ("spot-0001", "distance")
    values: dict[str, object] = {
        "broker": "nats",
        "seed": 7,
        "begin": 1_000_000,
        "until": 1_060_000,
        "healed": 1_070_000,
        "faults": [{"begin": 1_010_000, "end": 1_020_000, "fault": "broker killed", "target": "<park>"}],
        "accounts": {"park-0001": Account(measured=2, stored=2)},
        "ended": [],
        "given": {key: [Given(1_005_000, 1.0), Given(1_015_000, 2.0)]},
        "stored": {key: [Stored(1_005_000, 1.0, "m", 1_005_100), Stored(1_015_000, 2.0, "m", 1_021_000)]},
        "waiting": {"park-0001": [(1_015_000, 3.0)]},
    }
    return report.Run(**{**values, **more})  # type: ignore[arg-type]


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.pictures = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.pictures += tag == "svg" and bool(dict(attrs).get("aria-label"))


def test_a_report_says_what_was_found_and_draws_it_from_nothing_elsewhere() -> None:
    page = report.html(run())
    assert "Every value that a sensor gave is stored once." in page
    assert "2 were given" in page
    assert "make chaos SEED=7 MINUTES=1 BROKER=nats" in page
    assert "&lt;park&gt;" in page
    assert "<park>" not in page
    assert "http" not in page
    reader = Reader()
    reader.feed(page)
    assert reader.pictures == 3


@pytest.mark.parametrize(
    "more",
    [
        {"accounts": {"park-0001": Account(measured=2, stored=1, missing=["x"])}},
        {"accounts": {"park-0001": Account(measured=2, stored=3, repeated=["x"])}},
        {"accounts": {"park-0001": Account(measured=2, stored=2, wrong=["x"])}},
        {"accounts": {}},
        {"ended": ["gw-0001"]},
        {"holes": {"park-0001": 1}},
    ],
)
def test_a_run_in_which_something_is_not_right_says_so(more: dict[str, object]) -> None:
    lived = run(**more)
    assert not lived.agrees
    assert report.summary(lived)["agrees"] is False
    assert "NOT every value" in report.html(lived)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_minute_of_chaos_costs_no_value(tmp_path: Path) -> None:
    print(f"seed {SEED}")
    broker = KINDS[SEED % len(KINDS)]
    lived = chaos.live_through(broker, SEED, 60, tmp_path)
    assert lived.agrees, f"seed {SEED} on {broker}\n{verdict.table(lived.accounts)}\n{lived.ended}"
    assert len(lived.faults) > 1
    assert sum(len(several) for several in lived.stored.values()) > 100
