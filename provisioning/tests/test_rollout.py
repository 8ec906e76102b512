"""A street of pretended nodes in pretended time: what a rollout does to them, and what a cut of the power changes."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from provisioning import ProvisionError, rings, rollout
from provisioning.rings import Gate, Rollout
from provisioning.rollout import Laptop, run
from provisioning.rollout_journal import Journal
from provisioning.rollout_link import Heard, LinkError

NAMES = [f"park-{number:04}" for number in range(1, 13)]
GATE = Gate(hold_ms=1000, patience_ms=60_000, repeat_ms=500)


class PowerCutError(BaseException):
    """No code of ours catches this."""


class Street:
    """Nodes that take an update once per identifier; results wait for whoever is away, states do not."""

    def __init__(self, bad: Mapping[str, str] | None = None) -> None:
        self.now = 1_795_000_000_000
        self.bad = dict(bad or {})
        self.firmware = dict.fromkeys(NAMES, "1.4.0")
        self.carried_out: Counter[str] = Counter()
        self.heard_commands: Counter[str] = Counter()
        self.told: list[tuple[str, str]] = []
        self.operations = 0
        self.cut_at = -1
        self.is_down = 0  # so many connections fail
        self.directory = Path()
        self.has_left = False
        self._known: set[str] = set()
        self._results: list[Heard] = []
        self._packet = 0
        self._turn = 0

    def laptop(self) -> Laptop:
        return Laptop(self.opening, lambda message: {**message, "by": "releases"}, lambda: self.now, self.tell)

    def tell(self, publisher: str, what: str) -> None:
        self.told.append((publisher, what))

    @asynccontextmanager
    async def opening(self) -> AsyncIterator["Street"]:
        if self.is_down:
            self.is_down -= 1
            raise LinkError("127.0.0.1:8883: no answer")
        yield self

    async def heard(self, seconds: float) -> Heard | None:
        self.operate()
        self.now += round(1000 * seconds)
        if self._results:
            return self._results[0]
        self._turn += 1
        name = NAMES[self._turn % len(NAMES)]
        state = {"online": True, "firmware": self.firmware[name], "boot": 2 if self.carried_out[name] else 1}
        return Heard(name, "state", state, False, 0)

    def acknowledge(self, heard: Heard) -> None:
        self.operate()
        if heard.packet_id:
            self._results.remove(heard)

    def command(self, publisher: str, command: dict[str, Any]) -> None:
        self.operate()
        assert command["expires"] > self.now
        kept = Journal(self.directory).rollout
        assert kept is not None
        assert kept.nodes[publisher].status == "asked", "it was not durable before it was sent"
        self.heard_commands[publisher] += 1
        if command["id"] in self._known:
            return
        self._known.add(command["id"])
        self.carried_out[publisher] += 1
        self._answer(publisher, command["id"], "accepted", "")
        if publisher in self.bad:
            self._answer(publisher, command["id"], "failed", self.bad[publisher])
        else:
            self.firmware[publisher] = "1.5.0"
            self._answer(publisher, command["id"], "done", "")

    def leave(self) -> None:
        self.has_left = True

    def operate(self) -> None:
        self.operations += 1
        if self.operations == self.cut_at:
            raise PowerCutError

    def _answer(self, publisher: str, identifier: str, status: str, reason: str) -> None:
        self._packet += 1
        message = {"id": identifier, "status": status, "reason": reason}
        self._results.append(Heard(publisher, "result", message, False, self._packet))


class CutJournal(Journal):
    """Whose writes are operations of the street too: the power goes before one, or after it."""

    street: Street

    def keep(self, rollout: Rollout, now: int) -> list[tuple[str, str]]:
        self.street.operate()
        steps = super().keep(rollout, now)
        self.street.operate()
        return steps


def planned(sizes: tuple[str, ...] = ("1", "25%", "all")) -> Rollout:
    nodes = rings.assign(NAMES, sizes)
    return Rollout(12, "1.5.0", "https://localhost:1/12", "releases", GATE, nodes)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses are for brokers; there is none here."""
    monkeypatch.setattr(rollout, "_PAUSE_S", 0.0)


async def rolled(directory: Path, street: Street) -> Rollout:
    journal = CutJournal(directory)
    journal.street, street.directory = street, directory
    if journal.rollout is None:
        journal.begin(planned(), street.now)
    kept = journal.rollout
    assert kept is not None
    try:
        return await run(journal, kept, street.laptop())
    finally:
        journal.close()


async def test_a_good_release_reaches_every_node_once(tmp_path: Path) -> None:
    street = Street()
    found = await rolled(tmp_path, street)
    assert found.status == "finished"
    assert street.has_left
    assert set(found.names("done")) == set(NAMES)
    assert street.carried_out == Counter(NAMES)
    journal = Journal(tmp_path)
    opened = [what for _, publisher, what in journal.steps() if not publisher]
    assert opened == ["running, ring 1", "running, ring 2", "running, ring 3", "finished, ring 3"]
    assert journal.rollout == found, "what is on the disk is what was returned"


async def test_a_bad_release_stops_at_the_first_ring(tmp_path: Path) -> None:
    street = Street(bad=dict.fromkeys(NAMES, "went back to release 11"))
    found = await rolled(tmp_path, street)
    assert (found.status, found.ring) == ("halted", 0)
    assert street.carried_out == Counter(NAMES[:1])
    assert found.reason == "ring 1: park-0001 failed: went back to release 11"


async def test_a_bad_node_of_the_second_ring_leaves_the_third_alone(tmp_path: Path) -> None:
    street = Street(bad={NAMES[2]: "no room: 90000 bytes are needed"})
    found = await rolled(tmp_path, street)
    assert found.reason == "ring 2: park-0003 failed: no room: 90000 bytes are needed"
    assert street.carried_out == Counter(NAMES[:3])
    assert set(found.names("done")) == {NAMES[0], NAMES[1]}


@pytest.mark.parametrize("bad", [{}, {NAMES[2]: "went back to release 11"}])
async def test_the_power_goes_at_any_operation_and_nothing_is_done_twice(tmp_path: Path, bad: dict[str, str]) -> None:
    whole = Street(bad)
    (tmp_path / "whole").mkdir()
    await rolled(tmp_path / "whole", whole)
    cuts = list(range(1, whole.operations + 1, max(1, whole.operations // 60)))
    for cut in cuts:
        street = Street(bad)
        street.cut_at = cut
        directory = tmp_path / str(cut)
        directory.mkdir()
        with pytest.raises(PowerCutError):
            await rolled(directory, street)
        street.now += 8 * 3_600_000  # a night without a laptop
        found = await rolled(directory, street)
        assert found.status == ("halted" if bad else "finished"), cut
        assert street.carried_out == whole.carried_out, f"cut at {cut}"
    assert len(cuts) >= 40


async def test_a_cut_after_each_operation_in_turn_still_ends(tmp_path: Path) -> None:
    """Every run dies a little later than the one before; what is asked twice has the same identifier."""
    street, runs = Street(), 0
    while True:
        runs += 1
        street.operations, street.cut_at = 0, 20 + runs
        try:
            found = await rolled(tmp_path, street)
        except PowerCutError:
            continue
        break
    assert found.status == "finished"
    assert runs > 10
    assert street.carried_out == Counter(NAMES)


async def test_a_broker_that_is_away_is_waited_for(tmp_path: Path) -> None:
    street = Street()
    street.is_down = 3
    found = await rolled(tmp_path, street)
    assert found.status == "finished"
    assert street.told.count(("", "no connection: 127.0.0.1:8883: no answer; trying again")) == 3


async def test_a_halt_that_another_process_asks_for_is_done(tmp_path: Path) -> None:
    street = Street()
    street.directory = tmp_path
    journal = Journal(tmp_path)
    journal.begin(planned(), street.now)
    Journal(tmp_path).ask_for_halt()
    found = await run(journal, planned(), street.laptop())
    assert (found.status, found.reason) == ("halted", "by hand")
    assert not street.carried_out
    assert not journal.is_halt_asked(), "it is not asked for once more after a resume"
    resumed = rings.resumed(found, [], [])
    journal.keep(resumed, street.now)
    assert (await run(journal, resumed, street.laptop())).status == "finished"


async def test_a_halt_is_done_without_a_broker_too(tmp_path: Path) -> None:
    street = Street()
    street.is_down = 1
    journal = Journal(tmp_path)
    journal.begin(planned(), street.now)
    Journal(tmp_path).ask_for_halt()
    assert (await run(journal, planned(), street.laptop())).status == "halted"
    kept = Journal(tmp_path).rollout
    assert kept is not None
    assert kept.status == "halted", "and it is still so after a restart"


def test_one_process_at_a_time_runs_a_rollout(tmp_path: Path) -> None:
    with Journal(tmp_path).alone() as first:
        assert first
        with Journal(tmp_path).alone() as second:
            assert not second
    with Journal(tmp_path).alone() as third:
        assert third


def test_a_journal_needs_a_directory_and_a_database(tmp_path: Path) -> None:
    with pytest.raises(ProvisionError, match="no such directory; run quickstart first"):
        Journal(tmp_path / "nowhere")
    (tmp_path / "rollout.sqlite").write_text("no database at all, but long enough to be looked at")
    with pytest.raises(ProvisionError, match=r"rollout\.sqlite: file is not a database"):
        Journal(tmp_path)
