"""Figures over windows: every store answers alike, and as the pure functions of the analysis do."""

import random
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from collector.analysis.rollup import Rollup, roll_up
from collector.analysis.windows import HOUR, Size, instant, local_date, window_at
from collector.observation import Observation, Series
from collector.series.aggregation import Aggregate, Aggregation
from collector.series.batch import Batch
from collector.store import NotOfferedError, Store
from collector.stores import open_store

STORES = sorted(file.stem for file in (Path(__file__).parents[1] / "stores").glob("[a-z]*.py"))
AUTUMN = instant(date(2026, 10, 26), 0)  # the day before had 25 hours
DAY = 24 * HOUR


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    urls = {"memory": "memory:", "duckdb": "duckdb:observations.duckdb"}
    opened = open_store(urls.get(request.param) or request.getfixturevalue("influx_url"), tmp_path)
    yield opened
    opened.close()


def add(store: Store, several: list[Observation], now: int = AUTUMN) -> None:
    store.add(Batch.of(store.table, several), now)


def answers(store: Store, question: Aggregation) -> list[Aggregate]:
    rows = store.open_aggregates(question)
    try:
        return list(rows.fetch(1_000_000))
    finally:
        rows.close()


def a_week(quantity: str, period: int = 0, things: int = 3) -> list[Observation]:
    """Irregular, with every mark, over the night in which an hour comes twice."""
    chance = random.Random(f"{quantity} {period}")
    found = []
    for thing in range(things):
        at = AUTUMN - 4 * DAY
        while at < AUTUMN + 3 * DAY:
            at += chance.choice((1, 60_000, 900_000, HOUR, 3 * HOUR))
            found.append(
                Observation(
                    Series(f"thing-{thing}", quantity, period),
                    at - at % 1000 if chance.random() < 0.5 else at,
                    round(chance.uniform(30, 90), 1),
                    chance.choice(("", "", "", "estimated", "substituted", "suspect")),
                    chance.choice(("", "", "<")),
                    "",
                    chance.choice(("", "", "", "implausible")),
                )
            )
    return list({(one.series, one.at): one for one in found}.values())


def assert_same(found: Aggregate, expected: Rollup, percentiles: tuple[float, ...]) -> None:
    assert found.count == expected.count
    assert (found.minimum, found.maximum) == (expected.minimum, expected.maximum)
    for figure in ("sum", "mean", "energy_mean"):
        value = getattr(expected, figure)
        assert getattr(found, figure) == (None if value is None else pytest.approx(value, rel=1e-12)), figure
    assert (found.first, found.last) == tuple(end[1] if end else None for end in (expected.first, expected.last))
    assert found.percentiles == tuple(expected.percentile(one) for one in percentiles)
    quality = (found.suspect, found.estimated, found.substituted, found.censored)
    assert quality == (expected.suspect, expected.estimated, expected.substituted, expected.censored)


@pytest.mark.parametrize("size", ["quarter", "hour", "day", "month", "year"])
@pytest.mark.parametrize(("quantity", "period"), [("temperature", 0), ("laeq", 1000)])
def test_every_figure_is_that_of_the_analysis(store: Store, size: Size, quantity: str, period: int) -> None:
    several = a_week(quantity, period)
    add(store, several)
    percentiles = (0, 0.1, 10, 50, 90, 99.9, 100)
    question = Aggregation(quantity, size, AUTUMN - 7 * DAY, AUTUMN + 7 * DAY, period, percentiles=percentiles)
    expected = roll_up(size, several)
    found = answers(store, question)
    assert [(one.thing, one.window) for one in found] == sorted((series.thing, window) for series, window in expected)
    for one in found:
        assert_same(one, expected[Series(one.thing, quantity, period), one.window], percentiles)


def test_the_day_of_the_change_has_25_hours_of_values(store: Store) -> None:
    begin = instant(local_date(AUTUMN - DAY), 0)
    series = Series("thing-1", "temperature")
    add(store, [Observation(series, begin + hour * HOUR, float(hour)) for hour in range(49)])
    found = answers(store, Aggregation("temperature", "day", begin, begin + 1))
    assert [(one.window.end - one.window.begin, one.count) for one in found] == [(25 * HOUR, 25)]


@pytest.mark.parametrize("size", ["hour", "day"])
def test_the_city_together_is_the_values_of_all_its_things(store: Store, size: Size) -> None:
    several = a_week("temperature")
    add(store, several)
    question = Aggregation("temperature", size, AUTUMN - 4 * DAY, AUTUMN + 3 * DAY, together=True, percentiles=(50,))
    for one in answers(store, question):
        inside = [each for each in several if one.window.begin <= each.at < one.window.end]
        used = sorted((each for each in inside if each.judged != "suspect"), key=lambda each: (each.at, each.series))
        assert (one.thing, one.count) == ("", len(used))
        if used:
            assert one.mean == pytest.approx(sum(each.value for each in used) / len(used))  # type: ignore[misc]
            assert (one.first, one.last) == (used[0].value, used[-1].value)
            assert one.percentiles == (sorted(each.value for each in used)[(len(used) + 1) // 2 - 1],)  # type: ignore[type-var]
        assert one.suspect == len(inside) - len(used)


def test_only_the_things_and_the_period_asked_for_count(store: Store) -> None:
    add(store, a_week("laeq", 1000) + a_week("laeq", 900_000))
    question = Aggregation("laeq", "day", AUTUMN, AUTUMN + 1, 1000, things=frozenset({"thing-1", "thing-7"}))
    assert {one.thing for one in answers(store, question)} == {"thing-1"}


def test_the_range_is_widened_to_whole_windows(store: Store) -> None:
    add(store, [Observation(Series("thing-1", "temperature"), AUTUMN + hour * HOUR, 1.0) for hour in range(-2, 26)])
    (one,) = answers(store, Aggregation("temperature", "day", AUTUMN + 5 * HOUR, AUTUMN + 6 * HOUR))
    assert (one.window, one.count) == (window_at("day", AUTUMN), 24)


def test_codes_are_counted_with_their_ends(store: Store) -> None:
    spot = Series("spot-1", "occupancy")
    add(store, [Observation(spot, AUTUMN + at, code) for at, code in enumerate(("free", "occupied", "closed"))])
    (one,) = answers(store, Aggregation("occupancy", "hour", AUTUMN, AUTUMN + 1, percentiles=(50,)))
    assert (one.count, one.first, one.last, one.mean, one.percentiles) == (3, "free", "closed", None, (None,))


def test_a_correction_counts_and_what_it_corrects_does_not(store: Store) -> None:
    series = Series("thing-1", "temperature")
    add(store, [Observation(series, AUTUMN, 10.0), Observation(series, AUTUMN + 1, 20.0)])
    add(store, [Observation(series, AUTUMN, 12.0)], AUTUMN + HOUR)
    question = Aggregation("temperature", "hour", AUTUMN, AUTUMN + 1)
    assert [(one.count, one.mean) for one in answers(store, question)] == [(2, 16.0)]
    as_of = Aggregation("temperature", "hour", AUTUMN, AUTUMN + 1, as_of=AUTUMN + 1000)
    if store.keeps_versions:
        assert [(one.count, one.mean) for one in answers(store, as_of)] == [(2, 15.0)]
    else:
        with pytest.raises(NotOfferedError, match="keeps no"):
            answers(store, as_of)


def test_what_is_not_asked_for_is_left_out(store: Store) -> None:
    add(store, [Observation(Series("thing-1", "laeq", 1000), AUTUMN, 50.0, "estimated")])
    (one,) = answers(store, Aggregation("laeq", "hour", AUTUMN - 1, AUTUMN, 1000, figures=frozenset({"mean"})))
    assert (one.count, one.mean) == (1, 50.0)
    assert (one.minimum, one.sum, one.energy_mean, one.first, one.estimated) == (None, None, None, None, 0)


def test_nothing_there_is_no_row(store: Store) -> None:
    assert answers(store, Aggregation("temperature", "hour", AUTUMN, AUTUMN + DAY)) == []


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"until": 0}, "until"),
        ({"until": 51 * 366 * DAY}, "until: at most 50 years"),
        ({"percentiles": (101,)}, "percentiles"),
        ({"figures": frozenset({"median"})}, "figures"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(wrong: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Aggregation(**{"quantity": "laeq", "size": "hour", "since": 1, "until": 2} | wrong)  # type: ignore[arg-type]
