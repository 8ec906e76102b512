"""The judge is judged: it must find each kind of lie."""

import json
from pathlib import Path

import pytest

from hil_tests.judging.comparison import Account, Given, Stored, compare
from hil_tests.judging.events import Death, Disturbed, Event, Stepped
from hil_tests.judging.verdict import read_truth, table

KEY = ("wm-1", "water_volume")
GIVEN = [Given(1000, 1.0), Given(2000, 1.5), Given(3000, 2.0), Given(4000, 2.5)]
RIGHT = [Stored(one.at + 50, one.value, "m3", one.at + 150) for one in GIVEN]


def judge(stored: list[Stored], events: tuple[Event, ...] = (), until: int = 9000) -> Account:
    return compare({KEY: GIVEN}, {KEY: stored}, {"wm-1": "gw-1"}, events, until)["gw-1"]


def test_what_was_given_and_stored_once_agrees() -> None:
    account = judge(RIGHT)
    assert account.agrees
    assert (account.measured, account.stored, account.delays) == (4, 4, [150] * 4)


def test_a_lost_value_is_missing() -> None:
    account = judge([RIGHT[0], *RIGHT[2:]])
    assert not account.agrees
    assert account.missing == ["wm-1 water_volume: Given(at=2000, value=1.5)"]


def test_nothing_stored_does_not_agree() -> None:
    assert not judge([]).agrees


def test_a_second_copy_is_repeated() -> None:
    account = judge([*RIGHT, Stored(2060, 1.5, "m3", 9000)])
    assert not account.agrees
    assert len(account.repeated) == 1


@pytest.mark.parametrize(
    "lie",
    [Stored(2050, 1.6, "m3", 2100), Stored(2050, 1.5, "l", 2100), Stored(900, 1.0, "m3", 1000)],
    ids=["value", "unit", "before anything was given"],
)
def test_another_value_unit_or_time_is_wrong(lie: Stored) -> None:
    account = judge([RIGHT[0], lie, *RIGHT[2:]])
    assert not account.agrees
    assert len(account.wrong) == 1


def test_a_stale_answer_under_a_later_time_is_wrong() -> None:
    assert judge([RIGHT[0], RIGHT[1], Stored(3050, 1.5, "m3", 3100), RIGHT[3]]).wrong


def test_only_the_newest_value_before_its_own_death_is_excused() -> None:
    assert judge([RIGHT[0], *RIGHT[2:]], (Death("gw-1", 2500, 2600),)).agrees
    assert not judge(RIGHT[2:], (Death("gw-1", 2500, 2600),)).agrees
    assert not judge([RIGHT[0], *RIGHT[2:]], (Death("gw-2", 2500, 2600),)).agrees


def test_an_answer_to_a_dead_device_is_excused() -> None:
    assert judge([RIGHT[0], RIGHT[1], RIGHT[3]], (Death("gw-1", 2500, 3500),)).agrees


def test_what_a_disturbed_wire_swallowed_is_excused_and_nothing_else() -> None:
    assert judge([RIGHT[0], RIGHT[1], RIGHT[3]], (Disturbed("wm-1", 2900, 3100),)).agrees
    assert not judge([RIGHT[0], RIGHT[1], RIGHT[3]], (Disturbed("wm-2", 2900, 3100),)).agrees
    assert not judge(RIGHT[:3], (Disturbed("wm-1", 1100, 1200),)).agrees
    spoiled = [RIGHT[0], RIGHT[1], RIGHT[2]._replace(value=9.0), RIGHT[3]]
    assert judge(spoiled, (Disturbed("wm-1", 2900, 3100),)).wrong


BEHIND = (Stepped("gw-1", 1900, 3900),)


def clamped(*values: float) -> list[Stored]:
    """As a clock that stepped back stamps them: 1 ms behind the last stamp each."""
    return [Stored(1051 + number, value, "m3", 1100) for number, value in enumerate(values)]


def test_under_a_clock_that_is_behind_values_are_compared_in_their_order() -> None:
    assert judge([RIGHT[0], *clamped(1.5, 2.0), RIGHT[3]], BEHIND).agrees
    assert not judge([RIGHT[0], *clamped(1.5, 2.0), RIGHT[3]]).agrees
    assert judge([RIGHT[0], *clamped(1.5), RIGHT[3]], BEHIND).missing
    assert judge([RIGHT[0], *clamped(2.0, 1.5), RIGHT[3]], BEHIND).wrong
    assert judge([RIGHT[0], *clamped(1.5, 1.5, 2.0), RIGHT[3]], BEHIND).wrong
    assert judge([RIGHT[0], *clamped(1.5, 2.0)], BEHIND).missing


def test_an_answer_on_its_way_when_the_clock_stepped_is_compared_in_its_order() -> None:
    late = Stored(1051, 1.5, "m3", 2100)
    assert judge([RIGHT[0], late, *RIGHT[2:]], (Stepped("gw-1", 2100, 2200),)).agrees


def test_of_a_device_that_died_under_a_clock_that_was_behind_one_value_is_excused() -> None:
    death = Death("gw-1", 2000, 2010)
    assert judge([RIGHT[0], *clamped(2.0), RIGHT[3]], (*BEHIND, death)).agrees
    assert not judge([RIGHT[0], RIGHT[3]], (*BEHIND, death)).agrees


def test_a_value_that_was_durable_for_seconds_is_not_excused_by_a_death() -> None:
    assert judge([RIGHT[0], *RIGHT[2:]], (Death("gw-1", 2900, 2950),)).agrees
    early = [Given(1000, 1.0), Given(90_000, 1.5)]
    account = compare({KEY: early}, {KEY: [RIGHT[0]._replace(at=90_050, value=1.5)]}, {"wm-1": "gw-1"},
                      (Death("gw-1", 9000, 9100),), 99_000)["gw-1"]  # fmt: skip
    assert len(account.missing) == 1


def test_an_answer_to_a_question_from_before_a_quick_restart_is_excused() -> None:
    assert judge([RIGHT[0], RIGHT[1], RIGHT[3]], (Death("gw-1", 2870, 2880),)).agrees
    assert not judge([RIGHT[0], RIGHT[1], RIGHT[3]], (Death("gw-1", 2500, 2510),)).agrees


def test_what_came_after_the_end_is_not_judged() -> None:
    account = judge(RIGHT[:2], until=2500)
    assert account.agrees
    assert account.measured == 2


def test_the_truth_is_read_from_its_files(tmp_path: Path) -> None:
    file = tmp_path / "truth.jsonl"
    lines = [
        {"thing": "wm-1", "at": at, "values": {"water_volume": at / 10, "error_flags": 0}} for at in (10, 20, 30, 40)
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    truth = read_truth([file], until=20)
    assert truth[KEY] == [Given(10, 1.0), Given(20, 2.0), Given(30, 3.0)]
    assert set(truth) == {KEY, ("wm-1", "error_flags")}


def test_the_table_names_what_is_wrong() -> None:
    text = table({"gw-1": judge([RIGHT[0], *RIGHT[2:]])})
    assert "gw-1" in text
    assert "wm-1 water_volume: Given(at=2000, value=1.5)" in text
