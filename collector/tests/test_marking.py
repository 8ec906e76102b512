"""A jump and a value that has stood too long are marked as they come, in batches of any size; nothing is dropped."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import event

from collector.analysis.plausibility import Mark, derived, rate_of_change, stuck
from collector.analysis.windows import HOUR
from collector.city import City, open_city
from collector.ingest import Ingest
from collector.messages.limits import Limit
from collector.messages.marking import LEAST, Marking
from collector.messages.message import SKEW, Message
from collector.observation import Observation, Series, Value, kind_of
from collector.series.batch import Batch
from collector.series.query import Query
from collector.series.series_table import SeriesTable
from collector.store import StoreError
from collector.tests.test_ingest import NOW, inventory

MINUTE = 60_000
TEMPERATURE = Series("air-1", "temperature")
LIMITS = {
    "temperature": Limit(most_per_hour=10, step=1, stuck_hours=1, resting=(0,)),
    "level": Limit(most_per_hour=60),
    "laeq": Limit(stuck_hours=0.5),
}


def reading(minute: int, value: Value, series: Series = TEMPERATURE, **more: str) -> Observation:
    return Observation(series, minute * MINUTE, value, **more)  # type: ignore[arg-type]  # texts, each


class Marker:
    """Gives batches to a ``Marking``, each first as if its commit failed."""

    def __init__(self, *newest: Observation) -> None:
        self._table = SeriesTable(one.series for one in newest)
        self._marking = Marking(self._table, newest, LIMITS)

    def marks(self, *several: Observation) -> list[str]:
        batch = Batch.of(self._table, several)
        failed = self._marking.marked(batch).observations
        marked = self._marking.marked(batch)
        assert list(marked.observations) == list(failed)
        assert [replace(one, derived="") for one in failed] == [replace(one, derived="") for one in several]
        self._marking.take(marked)
        return [one.derived for one in marked.observations]


def test_a_spike_marks_itself_and_not_what_follows() -> None:
    marker = Marker()
    assert marker.marks(reading(0, 20.0), reading(6, 22.0), reading(12, 85.0), reading(18, 22.5)) == [
        "",
        "",
        "implausible",
        "",
    ]
    assert marker.marks(reading(24, 85.0)) == ["implausible"]
    assert marker.marks(reading(30, 22.5)) == [""]


def test_a_jump_back_is_as_much_of_a_jump_and_the_new_is_believed_in_time() -> None:
    marker = Marker(reading(0, 20.0))
    marks = marker.marks(*(reading(6 * place, 8.0 + place / 100) for place in range(1, 14)))
    assert marks == ["implausible"] * 10 + [""] * 3  # 12 degrees less 1 are 66 minutes
    assert marker.marks(reading(80, 20.0)) == ["implausible"]


def test_an_hour_of_the_same_is_marked_while_it_lasts() -> None:
    marker = Marker()
    assert marker.marks(*(reading(10 * place, 21.5) for place in range(9))) == [""] * 7 + ["implausible"] * 2
    assert marker.marks(reading(90, 21.5), reading(100, 21.6), reading(110, 21.6)) == ["implausible", "", ""]
    assert marker.marks(reading(170, 21.6), reading(230, 21.6)) == ["implausible"] * 2


def test_two_prove_nothing_and_a_resting_value_may_stay() -> None:
    marker = Marker()
    assert marker.marks(reading(0, 21.5), reading(600, 21.5), reading(601, 21.5)) == ["", "", "implausible"]
    rest = [reading(minute, 0.0) for minute in range(900, 1200, 10)]
    assert marker.marks(*rest) == [""] * 30
    assert marker.marks(reading(1200, 0.0), reading(1201, 50.0)) == ["", "implausible"]


def test_what_has_no_limit_is_left_alone() -> None:
    marker = Marker()
    series = [Series("air-1", one) for one in ("temperature.max", "temperature.s1", "distance", "occupancy")]
    values: list[Value] = [1.0, 1.0, 1.0, "free"]
    for minute in range(0, 300, 60):
        several = (reading(minute, value, one) for one, value in zip(series, values, strict=True))
        assert marker.marks(*several) == [""] * 4


@pytest.mark.parametrize("quantity", ["temperature.u2", "temperature.l1"])
def test_a_second_sensor_has_the_limits_of_the_first(quantity: str) -> None:
    series = Series("air-1", quantity)
    assert Marker().marks(reading(0, 1.0, series), reading(1, 50.0, series)) == ["", "implausible"]


def test_late_data_is_not_judged() -> None:
    marker = Marker()
    marker.marks(reading(60, 20.0))
    assert marker.marks(reading(0, 90.0), reading(30, -20.0), reading(66, 20.5)) == [""] * 3


def test_another_value_that_comes_late_was_in_between() -> None:
    marker = Marker()
    marker.marks(*(reading(10 * place, 21.5) for place in range(7)))
    assert marker.marks(reading(35, 21.6), reading(70, 21.5), reading(80, 21.5)) == [""] * 3
    assert marker.marks(reading(121, 21.5)) == ["implausible"]  # an hour since the newest of then


def test_a_repetition_and_what_is_older_than_the_standing_value_change_nothing() -> None:
    marker = Marker()
    several = [reading(10 * place, 21.5) for place in range(7)]
    marker.marks(*several)
    assert marker.marks(*several, reading(-10, 3.0), reading(70, 21.5)) == [""] * 8 + ["implausible"]


def test_who_says_it_again_has_not_said_it_twice() -> None:
    marker = Marker()
    assert marker.marks(reading(0, 21.5), reading(0, 21.5)) == [""] * 2
    assert marker.marks(reading(61, 21.5)) == [""]
    assert marker.marks(reading(61, 21.5)) == [""]
    assert marker.marks(reading(62, 21.5)) == ["implausible"]


def test_what_follows_is_judged_by_the_correction() -> None:
    marker = Marker()
    marker.marks(reading(0, 20.0))
    assert marker.marks(reading(0, 60.0), reading(1, 60.5)) == ["", ""]
    assert marker.marks(reading(1, 0.0, quality="suspect"), reading(2, 30.0)) == ["", ""]


def test_what_was_suspect_before_is_no_measure() -> None:
    marker = Marker()
    first = reading(0, 20.0)
    odd = [reading(1, 90.0, quality="suspect"), reading(2, 90.0, derived="implausible")]
    assert marker.marks(first, *odd, reading(3, 20.1)) == ["", "implausible", "implausible", ""]


def test_who_is_ahead_of_time_does_not_make_the_others_late() -> None:
    marker = Marker()
    ahead = reading(1000, 20.0, derived="skewed")
    assert marker.marks(reading(0, 20.0), ahead, reading(1, 90.0)) == ["", "skewed", "implausible"]


def test_after_a_restart_the_newest_is_the_measure_unless_it_was_suspect() -> None:
    assert Marker(reading(0, 20.0)).marks(reading(6, 90.0)) == ["implausible"]
    assert Marker(reading(0, 90.0, derived="implausible")).marks(reading(6, 20.0)) == [""]
    assert Marker(reading(0, 90.0, quality="suspect")).marks(reading(6, 20.0)) == [""]
    assert Marker(reading(900, 20.0, derived="skewed")).marks(reading(0, 20.0), reading(6, 90.0)) == ["", "implausible"]
    assert Marker(reading(0, 21.5)).marks(reading(30, 21.5), reading(61, 21.5)) == ["", "implausible"]


# ---- batches of any size are as one by one ---------------------------------------------------------------------------


class OneByOne:
    """The pure functions, for one observation after the other."""

    def __init__(self) -> None:
        self._histories: dict[Series, list[Observation]] = {}
        self._before: dict[Series, Observation | None] = {}

    def mark(self, one: Observation) -> str:
        limit = None if kind_of(one.series.quantity).qualifiers else LIMITS.get(one.series.quantity)
        if limit is None or "skewed" in one.derived:
            return one.derived
        history = self._histories.setdefault(one.series, [])
        if history and one.at <= history[-1].at:
            self._come_late(history, one)
            return one.derived
        history.append(one)
        marks: list[Mark] = ["implausible"] if one.derived else []
        before = self._before.get(one.series)
        if limit.most_per_hour is not None and before:
            marks.append(rate_of_change(before, one, limit.most_per_hour, limit.step))
        if limit.stuck_hours is not None:
            marks.append(stuck(history, int(limit.stuck_hours * HOUR), LEAST, limit.resting))
        if not derived(*marks) and one.quality != "suspect":
            self._before[one.series] = one
        return derived(*marks)

    def _come_late(self, history: list[Observation], one: Observation) -> None:
        newest = history[-1]
        run = len(history)
        while run and history[run - 1].value == newest.value:
            run -= 1
        if one.value == newest.value or one.at < history[run].at:
            return
        if one.at == newest.at:
            self._before[one.series] = None if one.quality == "suspect" or one.derived else one
            history[:] = [one]
        else:
            history[:] = [newest]


NUMBERS = [0.0, 0.0, 1.0, 1.5, 20.0]
SERIES = [TEMPERATURE, Series("tank-1", "level"), Series("mic-1", "laeq", 1000), Series("air-1", "temperature.max")]


@st.composite
def observations(draw: st.DrawFn) -> list[Observation]:
    """Mostly forward; some late, some twice, some suspect."""
    several, minute = [], 1000
    for _ in range(draw(st.integers(0, 40))):
        minute += draw(st.sampled_from([0, 1, 10, 10, 10, 30, -10, -30, 600]))
        series = draw(st.sampled_from([*SERIES, Series("spot-1", "occupancy")]))
        value: Value = "free" if series.quantity == "occupancy" else draw(st.sampled_from(NUMBERS))
        quality = draw(st.sampled_from(["", "", "", "", "suspect", "estimated"]))
        found = draw(st.sampled_from(["", "", "", "", "", "implausible", "skewed"]))
        several.append(Observation(series, minute * MINUTE, value, quality, derived=found))
    return several


@given(observations(), st.lists(st.integers(1, 12), min_size=40, max_size=40))
def test_batches_of_any_size_are_marked_as_one_after_the_other(
    several: Sequence[Observation], sizes: Sequence[int]
) -> None:
    one_by_one, marker = OneByOne(), Marker()
    expected = [one_by_one.mark(one) for one in several]
    found, start = [], 0
    for size in sizes:
        found += marker.marks(*several[start : start + size])
        start += size
    assert found == expected


@given(st.lists(st.tuples(st.integers(1, 30), st.sampled_from(NUMBERS)), max_size=40), st.integers(1, 40))
def test_a_series_that_goes_forward_is_marked_as_one_after_the_other(steps: list[tuple[int, float]], size: int) -> None:
    one_by_one, marker = OneByOne(), Marker()
    minute, several = 0, []
    for step, value in steps:
        minute += step
        several.append(reading(minute, value))
    expected = [one_by_one.mark(one) for one in several]
    assert [mark for at in range(0, len(several), size) for mark in marker.marks(*several[at : at + size])] == expected


# ---- in the collector -----------------------------------------------------------------------------------------------


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    opened = open_city(inventory("air-1"), tmp_path, "duckdb:observations.duckdb")
    yield opened
    opened.store.close()


def sent(*several: tuple[int, float], thing: str = "air-1", seq: int = 1, **more: object) -> Message:
    """(minutes since NOW, temperature) of each reading."""
    readings = [
        {"thing": thing, "at": NOW + minute * MINUTE, "values": {"temperature": value}} for minute, value in several
    ]
    payload = json.dumps({"outbox": "7f3a91c2", "seq": seq, "readings": readings} | more).encode()
    return Message("koper/v1/park-0001/reading", payload, NOW + several[-1][0] * MINUTE)


def kept(city: City) -> list[tuple[float, str]]:
    found = city.store.open_rows(Query(TEMPERATURE)).fetch(1000)
    return [(one.value, one.derived) for one in found]  # type: ignore[misc]  # temperatures are numbers


SPIKE = sent((0, 20.0), (5, 85.0), (10, 20.1))
MARKED = [(20.0, ""), (85.0, "implausible"), (20.1, "")]


def test_a_spike_is_stored_and_suspect(city: City) -> None:
    outcome = Ingest(city).commit([SPIKE], NOW)
    assert kept(city) == MARKED
    assert [one.judged for one in outcome.kept] == ["valid", "suspect", "valid"]


def test_what_is_taken_one_by_one_is_marked_alike(city: City) -> None:
    Ingest(city).commit([SPIKE, sent((0, 1.0), thing="nobody-s", seq=2)], NOW)
    assert kept(city) == MARKED


def test_what_leaves_the_quarantine_is_marked_alike(city: City) -> None:
    ingest = Ingest(city)
    publishers, city.registry.publishers = city.registry.publishers, {}
    ingest.commit([SPIKE], NOW)
    assert kept(city) == []
    city.registry.publishers = publishers
    ingest.release(NOW + HOUR)
    assert kept(city) == MARKED


def test_a_commit_that_fails_is_marked_alike_when_it_comes_again(city: City) -> None:
    def full(*_: object) -> None:
        raise StoreError("disk full")

    ingest = Ingest(city)
    event.listen(city.engine, "commit", full)
    with pytest.raises(StoreError):
        ingest.commit([SPIKE], NOW)
    event.remove(city.engine, "commit", full)
    ingest.commit([SPIKE], NOW)
    ingest.commit([sent((15, 85.0), seq=2)], NOW + 15 * MINUTE)
    assert kept(city) == [*MARKED, (85.0, "implausible")]


def test_a_repetition_with_another_mark_is_a_repetition(city: City) -> None:
    ingest = Ingest(city)
    ingest.commit([SPIKE], NOW)
    assert not ingest.commit([SPIKE], NOW).kept
    assert not Ingest(city).commit([SPIKE], NOW).kept
    assert kept(city) == MARKED


def test_a_new_writer_knows_the_newest(city: City) -> None:
    Ingest(city).commit([sent((0, 20.0))], NOW)
    Ingest(city).commit([sent((5, 85.0), seq=2)], NOW + 5 * MINUTE)
    assert kept(city) == MARKED[:2]


def test_who_is_ahead_and_jumps_is_only_ahead(city: City) -> None:
    Ingest(city).commit([sent((0, 20.0))], NOW)
    message = sent((5, 85.0), seq=2)
    Ingest(city).commit([message._replace(received=NOW + 5 * MINUTE - SKEW - 1)], NOW)
    assert kept(city) == [(20.0, ""), (85.0, "skewed")]
