"""What every store must do: the one conformance suite, run over each of them."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from math import inf, nan
from pathlib import Path

import pytest

from collector.observation import Observation, Series
from collector.series.batch import Batch
from collector.series.columns import CENSORED, JUDGED, schema_of
from collector.series.query import Comparison, Query
from collector.store import Added, NotOfferedError, Store, StoreError
from collector.stores import open_store

STORES = sorted(file.stem for file in (Path(__file__).parents[1] / "stores").glob("[a-z]*.py"))
NOW = 1_795_392_000_000  # 2026-11-23
WATER = Series("wm-06855817", "water_volume")
LEVEL = Series("mic-1", "laeq", 1000)


@pytest.fixture(params=STORES)
def url(request: pytest.FixtureRequest) -> str:
    if request.param == "influx":
        return request.getfixturevalue("influx_url")
    return {"memory": "memory:", "duckdb": "duckdb:observations.duckdb"}[request.param]


@pytest.fixture
def store(url: str, tmp_path: Path) -> Iterator[Store]:
    opened = open_store(url, tmp_path)
    yield opened
    opened.close()


def add(store: Store, observations: Sequence[Observation], now: int) -> Added:
    return store.add(Batch.of(store.table, observations), now)


def read(store: Store, query: Query, size: int = 1000) -> list[Observation]:
    rows = store.open_rows(query)
    found = []
    while part := rows.fetch(size):
        found += part
    rows.close()
    return found


def values(store: Store, query: Query) -> list[object]:
    return [one.value for one in read(store, query)]


def water(at: int, value: float, **more: str) -> Observation:
    return Observation(WATER, NOW + at, value, **more)


def test_adding_twice_equals_adding_once(store: Store) -> None:
    batch = [water(at, at / 8) for at in range(50)]
    add(store, batch, NOW)
    add(store, batch, NOW + 1)
    add(store, batch[::-1], NOW + 2)
    assert values(store, Query(WATER)) == [at / 8 for at in range(50)]
    assert store.count(Query(WATER)) == 50


def test_a_repetition_within_one_batch_is_stored_once(store: Store) -> None:
    add(store, [water(1, 5.0), water(1, 5.0), water(2, 6.0), water(1, 5.0)], NOW)
    assert values(store, Query(WATER, versions="all") if store.keeps_versions else Query(WATER)) == [5.0, 6.0]


def test_only_what_is_new_is_reported_as_kept(store: Store) -> None:
    if not store.keeps_versions:
        pytest.skip("where the last arrival wins, a late repetition cannot be told from a correction")
    add(store, [water(1, 5.0), water(2, 6.0)], NOW)
    added = add(store, [water(1, 5.0), water(2, 6.5), water(3, 7.0)], NOW + 10)
    assert sorted(one.value for one in added.kept) == [6.5, 7.0]
    assert all(one.known >= NOW + 10 for one in added.kept)
    assert added.refused == []


def test_a_correction_is_a_new_version_and_as_of_finds_the_old_one(store: Store) -> None:
    add(store, [water(1, 5.0)], NOW)
    add(store, [water(1, 5.5)], NOW + 1000)
    assert values(store, Query(WATER)) == [5.5]
    if store.keeps_versions:
        assert values(store, Query(WATER, as_of=NOW + 999)) == [5.0]
        assert values(store, Query(WATER, as_of=NOW - 1)) == []
        assert values(store, Query(WATER, versions="all")) == [5.0, 5.5]
    else:
        for query in (Query(WATER, as_of=NOW), Query(WATER, versions="all")):
            with pytest.raises(NotOfferedError, match="keeps no"):
                store.open_rows(query)
            with pytest.raises(NotOfferedError, match="keeps no"):
                store.count(query)


def test_a_late_repetition_of_the_old_content_does_not_undo_a_correction(store: Store) -> None:
    if not store.keeps_versions:
        pytest.skip("the last arrival wins here")
    add(store, [water(1, 5.0)], NOW)
    add(store, [water(1, 5.5)], NOW + 1000)
    add(store, [water(1, 5.0)], NOW + 2000)
    assert values(store, Query(WATER)) == [5.5]


def test_corrections_within_one_batch_stand_in_the_order_of_arrival(store: Store) -> None:
    add(store, [water(1, 5.0), water(1, 5.5), water(1, 6.0)], NOW)
    assert values(store, Query(WATER)) == [6.0]
    last = store.last(WATER)
    assert last is not None
    assert last.value == 6.0
    if store.keeps_versions:
        known = [one.known for one in read(store, Query(WATER, versions="all"))]
        assert known == sorted(set(known))


def test_a_clock_that_steps_back_does_not_turn_versions_around(store: Store) -> None:
    add(store, [water(1, 5.0)], NOW)
    add(store, [water(1, 5.5)], NOW - 60_000)
    assert values(store, Query(WATER)) == [5.5]


@pytest.mark.parametrize("change", [{"quality": "suspect"}, {"censored": "<"}, {"source": "ELS-06855817-07"}])
def test_quality_censored_and_source_are_content(store: Store, change: dict[str, str]) -> None:
    add(store, [water(1, 5.0)], NOW)
    add(store, [water(1, 5.0, **change)], NOW + 1)
    (one,) = read(store, Query(WATER))
    assert {name: getattr(one, name) for name in change} == change


def test_what_the_collector_derives_is_kept_but_is_not_content(store: Store) -> None:
    add(store, [water(1, -5.0, derived="implausible")], NOW)
    (one,) = read(store, Query(WATER))
    assert (one.derived, one.quality, one.judged) == ("implausible", "", "suspect")
    add(store, [water(1, -5.0)], NOW + 1)
    if store.keeps_versions:
        assert store.count(Query(WATER, versions="all")) == 1


def test_late_and_out_of_order_is_read_in_order(store: Store) -> None:
    add(store, [water(at, float(at)) for at in (50, 10, 30)], NOW)
    add(store, [water(at, float(at)) for at in (40, 20, 60, 10)], NOW)
    assert values(store, Query(WATER)) == [10, 20, 30, 40, 50, 60]
    assert values(store, Query(WATER, descending=True, limit=2, offset=1)) == [50, 40]
    assert store.last(WATER).at == NOW + 60  # type: ignore[union-attr]


KINDS = [
    (Series("spot-1", "distance"), 0.412),
    (Series("spot-1", "occupancy"), "occupied"),
    (Series("em-1", "error_flags"), 513),
    (Series("park-1", "notice"), 'Zaprto "čez noč", \\ =\nin jutri'),
    (Series("bus-1", "location"), (13.7294, 45.5481)),
    (Series("bus-1", "location"), (13.7294, 45.5481, 12.5)),
    (Series("wm-1", "water_volume.t1.s2"), 999_999_999_999_999.0),
    (Series("mic-1", "laeq", 900_000), 54.1),
]


@pytest.mark.parametrize(("series", "value"), KINDS)
def test_each_kind_of_value_comes_back_as_it_was(store: Store, series: Series, value: object) -> None:
    given = Observation(series, NOW, value, "estimated", "<", "src, 1=2")  # type: ignore[arg-type]
    add(store, [given], NOW)
    (found,) = read(store, Query(series))
    assert (found.series, found.at, found.content) == (series, NOW, given.content)
    assert type(found.value) is type(value)
    assert store.last(series).content == given.content  # type: ignore[union-attr]


def test_a_correction_leaves_nothing_of_the_older_version(store: Store) -> None:
    add(store, [water(1, 5.0, quality="suspect", censored="<", source="old", derived="skewed")], NOW)
    add(store, [water(1, 5.0)], NOW + 1)
    (one,) = read(store, Query(WATER))
    assert (one.content, one.derived) == ((5.0, "", "", ""), "")


def test_periods_are_series_of_their_own(store: Store) -> None:
    longer = LEVEL._replace(period=900_000)
    add(store, [Observation(LEVEL, NOW, 50.0), Observation(longer, NOW, 60.0)], NOW)
    assert values(store, Query(LEVEL)) == [50.0]
    assert values(store, Query(longer)) == [60.0]
    assert set(store.latest()) == {LEVEL, longer}


@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_what_is_not_a_finite_number_is_refused_and_the_rest_is_kept(store: Store, value: float) -> None:
    added = add(store, [water(1, 1.0), water(2, value), water(3, 3.0)], NOW)
    assert added.refused == [(1, "not finite")]
    assert values(store, Query(WATER)) == [1.0, 3.0]


def test_time_is_cut_at_since_and_before_until(store: Store) -> None:
    add(store, [water(at, float(at)) for at in range(10)], NOW)
    assert values(store, Query(WATER, since=NOW + 3, until=NOW + 6)) == [3, 4, 5]
    assert store.count(Query(WATER, since=NOW + 3, until=NOW + 6, limit=1)) == 3


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ([Comparison("value", ">=", 8)], [8, 9]),
        ([Comparison("value", "!=", 5), Comparison("value", "<=", 6), Comparison("value", ">", 4)], [6]),
        ([Comparison("at", "==", NOW + 7)], [7]),
        ([Comparison("quality", "==", "suspect")], [2, 3]),
        ([Comparison("quality", "!=", "valid"), Comparison("value", "<", 3)], [2]),
        ([Comparison("value", "==", "free")], []),
        ([Comparison("quality", "==", 1)], []),
    ],
)
def test_comparisons_hold_for_what_is_returned(store: Store, where: list[Comparison], expected: list[float]) -> None:
    add(store, [water(at, float(at)) for at in range(10) if at not in (2, 3)], NOW)
    add(store, [water(2, 2.0, quality="suspect"), water(3, 3.0, derived="implausible")], NOW)
    query = Query(WATER, where=tuple(where))
    assert values(store, query) == expected
    assert store.count(query) == len(expected)


def test_a_comparison_looks_at_the_latest_version_only(store: Store) -> None:
    add(store, [water(1, 5.0)], NOW)
    add(store, [water(1, 1.0)], NOW + 1)
    assert values(store, Query(WATER, where=(Comparison("value", ">", 4),))) == []


def test_codes_compare_as_text(store: Store) -> None:
    spot = Series("spot-1", "occupancy")
    add(store, [Observation(spot, NOW + at, code) for at, code in enumerate(("free", "occupied", "free"))], NOW)
    assert [one.at - NOW for one in read(store, Query(spot, where=(Comparison("value", "==", "free"),)))] == [0, 2]


def test_values_can_be_put_in_order_or_the_store_says_why_not(store: Store) -> None:
    add(store, [water(at, value) for at, value in enumerate((3.0, 1.0, 2.0, 1.0))], NOW)
    query = Query(WATER, order="value", descending=True, limit=3)
    if store.keeps_versions:
        assert [(one.value, one.at - NOW) for one in read(store, query)] == [(3.0, 0), (2.0, 2), (1.0, 3)]
    else:
        with pytest.raises(NotOfferedError, match="order"):
            store.open_rows(query)


def test_a_long_answer_comes_in_pieces(store: Store) -> None:
    add(store, [water(at, float(at)) for at in range(2500)], NOW)
    rows = store.open_rows(Query(WATER))
    assert [len(rows.fetch(1000)) for _ in range(4)] == [1000, 1000, 500, 0]
    rows.close()


def test_columns_say_what_rows_say(store: Store) -> None:
    everything = [
        Observation(series, NOW + at, value, quality, censored, source, derived)  # type: ignore[arg-type]
        for series, value in KINDS
        for at, (quality, censored, source, derived) in enumerate(
            [
                ("", "", "", ""),
                ("estimated", "<", "s,1", ""),
                ("", ">", "", "implausible"),
                ("substituted", "", "x", ""),
            ]
        )
    ]
    add(store, everything, NOW)
    asked = [Query(series) for series, _ in KINDS]
    asked += [Query(WATER), Query(KINDS[0][0], since=NOW + 1, until=NOW + 3, descending=True, limit=1)]
    asked += [Query(KINDS[0][0], where=(Comparison("quality", "==", "suspect"),))]
    for query in asked:
        assert list(in_columns(store, query)) == [shown(one) for one in read(store, query)]


def test_columns_of_versions_say_what_rows_say(store: Store) -> None:
    add(store, [water(1, 5.0), water(2, 6.0)], NOW)
    add(store, [water(1, 5.5)], NOW + 1000)
    asked = [Query(WATER, versions="all"), Query(WATER, as_of=NOW + 10), Query(WATER, order="value")]
    for query in asked:
        if store.keeps_versions:
            assert list(in_columns(store, query)) == [shown(one) for one in read(store, query)]
        else:
            with pytest.raises(NotOfferedError):
                store.open_columns(query)


def test_columns_come_in_pieces_and_can_be_interrupted(store: Store) -> None:
    add(store, [water(at, float(at)) for at in range(2500)], NOW)
    columns = store.open_columns(Query(WATER))
    sizes = []
    while batch := columns.fetch(1000):
        assert batch.schema.equals(schema_of(WATER))
        sizes.append(len(batch))
    assert (sum(sizes), max(sizes) <= 1000) == (2500, True)
    assert not columns.fetch(1000)
    columns.interrupt()
    columns.close()
    assert store.count(Query(WATER)) == 2500


def in_columns(store: Store, query: Query) -> Iterator[tuple[object, ...]]:
    columns = store.open_columns(query)
    while batch := columns.fetch(3):
        for at, value, *rest in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            yield at, tuple(value) if isinstance(value, list) else value, *rest
    columns.close()


def shown(one: Observation) -> tuple[object, ...]:
    return one.at, one.value, one.judged, one.censored, one.source, one.known or None


def test_the_last_of_many_series_come_at_once(store: Store) -> None:
    marks = ["", "suspect", "estimated", "substituted"]
    several = [
        Observation(series, NOW + place, value, marks[place % 4], "<" if place % 3 else "")  # type: ignore[arg-type]
        for place, (series, value) in enumerate(dict(KINDS).items())
    ]
    add(store, several, NOW)
    add(store, [Observation(several[0].series, NOW - 5, 1.0), water(1, 5.0, derived="implausible")], NOW)
    asked = [*(one.series for one in several), WATER, Series("wm-9", "water_volume")]
    found = store.last_columns(store.table.numbers_of(asked))
    for place, series in enumerate(asked):
        one = store.last(series)
        if one is None:
            assert found.at[place] == -1
            continue
        value = found.text.get(place, found.number[place])
        marks_found = JUDGED[found.quality[place]], CENSORED[found.censored[place]]
        assert (found.at[place], value, *marks_found) == (one.at, one.value, one.judged, one.censored)


def test_a_revision_grows_when_a_series_changes_and_only_then(store: Store) -> None:
    if store.revision() is None:
        pytest.skip("where others write too nobody can say")
    add(store, [water(1, 1.0), Observation(LEVEL, NOW, 50.0)], NOW)

    def revision(*series: Series) -> int:
        return store.revision(store.table.numbers_of(series))  # type: ignore[return-value]

    before = revision(WATER), revision(LEVEL), store.revision()
    add(store, [Observation(LEVEL, NOW + 1, 51.0)], NOW)
    add(store, [water(1, 1.0)], NOW + 1)
    assert revision(WATER) == before[0]
    assert revision(LEVEL) > before[1]  # type: ignore[operator]
    assert revision(WATER, LEVEL) == revision(LEVEL) == store.revision()
    add(store, [water(0, 0.5)], NOW + 2)
    assert revision(WATER) > before[2]  # type: ignore[operator]
    assert revision() == revision(Series("wm-9", "water_volume")) == 0


def test_an_interrupted_query_ends_with_an_error_and_the_store_goes_on(store: Store) -> None:
    add(store, [water(at, float(at)) for at in range(10)], NOW)
    rows = store.open_rows(Query(WATER))
    rows.interrupt()
    with suppress(StoreError):  # a query that was not running yet may have nothing to interrupt
        rows.fetch(5)
    rows.close()
    assert store.count(Query(WATER)) == 10


def test_an_unknown_series_is_empty(store: Store) -> None:
    assert values(store, Query(WATER)) == []
    assert store.count(Query(WATER)) == 0
    assert store.last(WATER) is None
    assert store.latest() == {}


WRITER = """
import sys
from pathlib import Path
from collector.series.batch import Batch
from collector.series.columns import CENSORED, JUDGED, schema_of
from collector.observation import Observation, Series
from collector.stores import open_store
store = open_store(sys.argv[1], Path(sys.argv[2]))
batch = 0
while True:
    series = Series("wm-1", "water_volume")
    some = [Observation(series, batch * 100 + n + 1, float(n)) for n in range(100)]
    store.add(Batch.of(store.table, some), 1 + batch)
    batch += 1
    print(batch, flush=True)
"""


def test_what_was_added_is_there_after_kill(url: str, tmp_path: Path) -> None:
    if url == "memory:":
        pytest.skip("memory keeps nothing, and says so")
    with subprocess.Popen([sys.executable, "-c", WRITER, url, str(tmp_path)], stdout=subprocess.PIPE) as writer:
        while int(writer.stdout.readline()) < 20:  # type: ignore[union-attr]
            pass
        os.kill(writer.pid, signal.SIGKILL)
        rest = writer.stdout.read().split()  # type: ignore[union-attr]
    promised = int(rest[-1]) if rest else 20
    store = open_store(url, tmp_path)
    series = Series("wm-1", "water_volume")
    found = store.count(Query(series))
    assert found >= promised * 100
    assert found % 100 == 0
    assert store.last(series).at == found  # type: ignore[union-attr]
    add(store, [Observation(series, at + 1, float(at % 100)) for at in range(200)], NOW)
    assert store.count(Query(series)) == found
    store.close()


@pytest.mark.parametrize("wrong", ["", "parquet:here", "duckdb:", "memory:x", "../x:y", "influx:", "influx://host"])
def test_a_url_that_names_no_store_is_refused(wrong: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"expected|takes"):
        open_store(wrong, tmp_path)


def test_a_second_process_is_told_that_the_file_is_in_use(tmp_path: Path) -> None:
    store = open_store("duckdb:observations.duckdb", tmp_path)
    second: Callable[[], subprocess.CompletedProcess[str]] = lambda: subprocess.run(  # noqa: E731  # read as a sentence
        [sys.executable, "-c", WRITER, "duckdb:observations.duckdb", str(tmp_path)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert "lock" in second().stderr
    store.close()
