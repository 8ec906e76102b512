from typing import Any

import pytest

from provisioning import ProvisionError, rings
from provisioning.rings import Gate, Rollout

GATE = Gate(hold_ms=1000, patience_ms=10_000, repeat_ms=100)
NAMES = [f"park-{number:04}" for number in range(1, 21)]


def begun(count: int = 20, *sizes: str) -> Rollout:
    nodes = rings.assign(NAMES[:count], sizes or rings.RINGS)
    return Rollout(12, "1.5.0", "https://localhost:1/12", "releases", GATE, nodes)


def result(rollout: Rollout, name: str, status: str, reason: str = "") -> dict[str, Any]:
    return {"id": rings.identifier(rollout, rollout.nodes[name]), "status": status, "reason": reason}


def state(**changes: Any) -> dict[str, Any]:
    return {"online": True, "firmware": "1.5.0", "boot": 7, "outbox_depth": 3, **changes}


def asked(rollout: Rollout, now: int = 0) -> Rollout:
    return rings.step(rollout, now)[0]


def done(rollout: Rollout, *names: str, now: int = 0) -> Rollout:
    """These say that they are done, and are there."""
    for name in names:
        rollout = rings.heard_result(rollout, name, result(rollout, name, "accepted"), now)
        rollout = rings.heard_result(rollout, name, result(rollout, name, "done"), now)
        rollout = rings.heard_state(rollout, name, state(), now, retained=False)
    return rollout


def canary_done() -> Rollout:
    return done(asked(begun()), NAMES[0])


def test_the_rings_are_one_then_a_tenth_then_all() -> None:
    found = [node.ring for node in rings.assign(NAMES).values()]
    assert found == [0, 1] + [2] * 18
    assert [node.ring for node in rings.assign(NAMES[:4]).values()] == [0, 1, 1, 1]
    assert [node.ring for node in rings.assign(NAMES[:4], ["1", "50%", "all"]).values()] == [0, 1, 2, 2]
    assert [node.ring for node in rings.assign(NAMES[:1]).values()] == [0]


@pytest.mark.parametrize(
    ("publishers", "sizes", "words"),
    [
        (["a", "a"], ["all"], "publishers: one stands twice"),
        ([], ["all"], "publishers: none"),
        (["a", "b"], ["1"], "rings: 1: expected sizes that grow and end with all"),
        (["a", "b", "c"], ["2", "1", "all"], "rings: 2 1 all: expected sizes that grow"),
        (["a"], ["some", "all"], "rings: some: expected a number, a percentage or all"),
        (["a"], ["0%", "all"], "rings: 0%: expected a number"),
        (["a"], [], "rings: : expected sizes that grow and end with all"),
    ],
)
def test_rings_that_make_no_sense_are_refused(publishers: list[str], sizes: list[str], words: str) -> None:
    with pytest.raises(ProvisionError) as refused:
        rings.assign(publishers, sizes)
    assert str(refused.value).startswith(words)


def test_only_the_first_ring_is_asked() -> None:
    rollout, names = rings.step(begun(), 0)
    assert [node.publisher for node in names] == NAMES[:1]
    assert rollout.names("asked") == NAMES[:1]


def test_who_is_silent_is_asked_again_with_the_same_identifier() -> None:
    rollout, first = rings.step(begun(), 0)
    assert rings.step(rollout, 99)[1] == []
    rollout, second = rings.step(rollout, 100)
    assert rings.identifier(rollout, first[0]) == rings.identifier(rollout, second[0])
    assert second[0].since == 0, "asking again wins no time"


def test_who_has_accepted_is_not_asked_again() -> None:
    rollout = asked(begun())
    rollout = rings.heard_result(rollout, NAMES[0], result(rollout, NAMES[0], "accepted"), 50)
    assert rings.step(rollout, 5000)[1] == []


def test_the_next_ring_opens_when_this_one_was_healthy_for_long_enough() -> None:
    rollout = canary_done()
    rollout, names = rings.step(rollout, 999)
    assert (rollout.ring, names) == (0, [])
    rollout, _ = rings.step(rollout, 1000)
    assert rollout.ring == 1
    rollout, names = rings.step(rollout, 1001)
    assert [node.publisher for node in names] == [NAMES[1]]


def test_it_is_finished_when_the_last_ring_is_healthy() -> None:
    rollout = asked(begun(1))
    rollout = done(rollout, NAMES[0])
    assert rings.step(rollout, 1000)[0].status == "finished"


def test_a_retained_state_does_not_open_the_next_ring() -> None:
    rollout = asked(begun())
    rollout = rings.heard_result(rollout, NAMES[0], result(rollout, NAMES[0], "done"), 0)
    rollout = rings.heard_state(rollout, NAMES[0], state(), 10, retained=True)
    assert rings.step(rollout, 2000)[0].ring == 0


@pytest.mark.parametrize("status", ["failed", "refused", "expired"])
def test_a_node_that_does_not_take_it_halts_everything_and_is_named(status: str) -> None:
    rollout = asked(begun())
    rollout = rings.heard_result(rollout, NAMES[0], result(rollout, NAMES[0], status, "went back to release 1"), 5)
    rollout, names = rings.step(rollout, 10)
    assert (rollout.status, names) == ("halted", [])
    assert rollout.reason == "ring 1: park-0001 failed: went back to release 1"
    assert rings.step(rollout, 10**9)[1] == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"firmware": "1.4.0"}, "runs 1.4.0, not 1.5.0"),
        ({"boot": 8, "reset": "watchdog"}, "started again: watchdog"),
        ({"error": "read: 104"}, "lost its connection: read: 104"),
        ({"readings_refused": 2}, "2 readings break the contract"),
        ({"outbox_depth": 68}, "its outbox grows: 68 messages have no receipt, 3 had none before"),
    ],
)
def test_a_node_that_is_not_well_while_it_is_watched_halts(changes: dict[str, Any], words: str) -> None:
    rollout = rings.heard_state(canary_done(), NAMES[0], state(**changes), 500, retained=False)
    rollout, _ = rings.step(rollout, 1000)
    assert (rollout.status, rollout.ring) == ("halted", 0)
    assert rollout.reason == f"ring 1: park-0001 unhealthy: {words}"


def test_an_outbox_that_is_full_of_an_old_outage_may_be_so_as_long_as_it_does_not_grow() -> None:
    rollout = asked(begun())
    rollout = rings.heard_result(rollout, NAMES[0], result(rollout, NAMES[0], "done"), 0)
    for depth in (5000, 3000, 400):
        rollout = rings.heard_state(rollout, NAMES[0], state(outbox_depth=depth), 10, retained=False)
    assert rings.step(rollout, 1000)[0].ring == 1


def test_a_node_that_is_gone_opens_no_ring_and_halts_in_the_end() -> None:
    rollout = rings.heard_state(canary_done(), NAMES[0], {"online": False}, 500, retained=False)
    rollout, _ = rings.step(rollout, 10_999)
    assert (rollout.status, rollout.ring) == ("running", 0)
    rollout, _ = rings.step(rollout, 11_000)
    assert rollout.reason == "ring 1: park-0001 unhealthy: not there, 11 s after it was done"


@pytest.mark.parametrize(("accepts", "words"), [(False, "has not answered"), (True, "has accepted and not said")])
def test_a_node_that_is_silent_for_too_long_halts(accepts: bool, words: str) -> None:
    rollout = asked(begun())
    if accepts:
        rollout = rings.heard_result(rollout, NAMES[0], result(rollout, NAMES[0], "accepted"), 0)
    assert rings.step(rollout, 9_999)[0].status == "running"
    rollout, _ = rings.step(rollout, 10_000)
    assert f"park-0001 silent: {words}" in rollout.reason


def test_a_node_of_an_earlier_ring_that_goes_back_halts_too() -> None:
    rollout = asked(rings.step(canary_done(), 1000)[0], 1001)
    started_again = rings.heard_state(rollout, NAMES[0], state(boot=9), 1500, retained=False)
    assert rings.step(started_again, 1600)[0].status == "running", "in the street the power fails"
    rollout = rings.heard_state(rollout, NAMES[0], state(firmware="1.4.0"), 1500, retained=True)
    assert rings.step(rollout, 1600)[0].reason == "ring 2: park-0001 unhealthy: runs 1.4.0, not 1.5.0"


def test_what_the_node_runs_already_is_done() -> None:
    rollout = asked(begun())
    answer = result(rollout, NAMES[0], "failed", "release 12 is not above 12")
    assert rings.heard_result(rollout, NAMES[0], answer, 5).names("done") == NAMES[:1]
    answer = result(rollout, NAMES[0], "failed", "release 12 is not above 13")
    assert rings.heard_result(rollout, NAMES[0], answer, 5).names("failed") == NAMES[:1]


def test_answers_to_other_commands_and_of_other_nodes_change_nothing() -> None:
    rollout = asked(begun())
    assert rings.heard_result(rollout, NAMES[0], {"id": "c-1", "status": "failed"}, 5) == rollout
    assert rings.heard_result(rollout, "gw-0001", result(rollout, NAMES[0], "failed"), 5) == rollout
    assert rings.heard_result(rollout, NAMES[1], result(rollout, NAMES[1], "failed"), 5) == rollout, "never asked"
    assert rings.heard_state(rollout, "gw-0001", state(), 5, retained=False) == rollout


def test_a_night_counts_neither_for_a_node_nor_against_it() -> None:
    night = 8 * 3_600_000
    rollout = rings.watched_again(canary_done(), night)
    rollout, _ = rings.step(rollout, night)
    assert (rollout.status, rollout.ring) == ("running", 0)
    rollout = rings.heard_state(rollout, NAMES[0], state(boot=9), night + 10, retained=False)
    assert rings.step(rollout, night + 999)[0].ring == 0
    assert rings.step(rollout, night + 1000)[0].ring == 1
    waiting = rings.watched_again(asked(begun()), night)
    assert rings.step(waiting, night + 5000)[0].status == "running"


def test_a_halt_by_hand_opens_nothing_and_can_be_resumed() -> None:
    rollout = rings.halted(canary_done(), "by hand")
    assert rings.step(rollout, 5000) == (rollout, [])
    assert rings.halted(rollout, "again").reason == "by hand"
    assert rings.step(rings.resumed(rollout, [], []), 5000)[0].ring == 1


def _with_a_failure() -> Rollout:
    rollout = asked(begun())
    rollout = rings.heard_result(rollout, NAMES[0], result(rollout, NAMES[0], "failed", "no connection: 111"), 5)
    return asked(rollout, 10)


def test_a_node_in_trouble_is_asked_again_with_a_new_identifier_or_left_out() -> None:
    rollout = _with_a_failure()
    again, names = rings.step(rings.resumed(rollout, [NAMES[0]], []), 20)
    assert [node.publisher for node in names] == NAMES[:1]
    assert rings.identifier(again, names[0]) != rings.identifier(rollout, rollout.nodes[NAMES[0]])
    without, _ = rings.step(rings.resumed(rollout, [], [NAMES[0]]), 20)
    assert (without.status, without.ring) == ("running", 1)


@pytest.mark.parametrize(
    ("again", "without", "words"),
    [
        ([], [], "park-0001: in trouble; name each with --again or --without"),
        (["park-0002"], [], "park-0002: has no trouble"),
        (["gw-0001"], [], "gw-0001: is not in this rollout"),
        (["park-0001"], ["park-0001"], "park-0001: either --again or --without"),
    ],
)
def test_a_resume_that_leaves_something_open_is_refused(again: list[str], without: list[str], words: str) -> None:
    with pytest.raises(ProvisionError) as refused:
        rings.resumed(_with_a_failure(), again, without)
    assert str(refused.value).startswith(words)


def test_after_a_halt_those_that_were_asked_are_still_listened_to() -> None:
    rollout = asked(rings.step(canary_done(), 1000)[0], 1001)
    rollout = rings.halted(rollout, "by hand")
    assert not rings.is_settled(rollout, 1002)
    late = rings.heard_result(rollout, NAMES[1], result(rollout, NAMES[1], "done"), 1500)
    assert rings.is_settled(late, 1501)
    silent, _ = rings.step(rollout, 1001 + 10_000)
    assert rings.is_settled(silent, 11_001)


def test_one_that_failed_has_a_moment_to_say_what_it_runs() -> None:
    rollout = _with_a_failure()
    assert not rings.is_settled(rollout, 50)
    back = rings.heard_state(rollout, NAMES[0], state(firmware="1.4.0"), 50, retained=False)
    assert rings.is_settled(back, 51)
    assert back.nodes[NAMES[0]].firmware == "1.4.0"
    assert rings.is_settled(rollout, 200)
