"""What the embedded store does with time: roll-ups, sealed months, retention, backups, files of older versions."""

import random
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.analysis.rollup import roll_up
from collector.analysis.windows import HOUR, Size, instant
from collector.embedded import sealing
from collector.embedded.writing import BEYOND, MOST_VERSIONS, TOO_MANY
from collector.observation import Observation, Series
from collector.series.aggregation import Aggregation
from collector.series.batch import Batch
from collector.series.query import Query
from collector.store import Keep, NotOfferedError, StoreError
from collector.stores import open_store
from collector.stores.duckdb import DuckdbStore

DAY = 24 * HOUR
MAY = instant(date(2026, 5, 1), 0)
LATER = MAY + 400 * DAY  # everything below is long closed then
WATER = Series("wm-1", "water_flow")
LEVEL = Series("mic-1", "laeq", 1000)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckdbStore]:
    opened = DuckdbStore(tmp_path / "observations.duckdb")
    yield opened
    opened.close()


def add(store: DuckdbStore, several: list[Observation], now: int = LATER) -> Any:
    return store.add(Batch.of(store.table, several), now)


def water(at: int, value: float, **marks: str) -> Observation:
    return Observation(WATER, MAY + at, value, **marks)


def read(store: DuckdbStore, query: Query) -> list[tuple[int, object]]:
    rows = store.open_rows(query)
    try:
        return [(one.at - MAY, one.value) for one in rows.fetch(1_000_000)]
    finally:
        rows.close()


def rollups(store: DuckdbStore) -> list[tuple[Any, ...]]:
    """All of them but for the time they became known, which is when and not what."""
    return store._writer.execute("select * exclude known from rollup order by all").fetchall()


def figures(store: DuckdbStore, size: Size = "day", series: Series = WATER, **more: Any) -> list[tuple[Any, ...]]:
    question = Aggregation(series.quantity, size, MAY - 40 * DAY, MAY + 300 * DAY, series.period, **more)
    rows = store.open_aggregates(question)
    try:
        return [(one.window.begin, one.count, one.mean, one.maximum, one.first) for one in rows.fetch(1_000_000)]
    finally:
        rows.close()


def a_quarter(days: int = 70) -> list[Observation]:
    chance = random.Random(3)
    marks = ("", "", "", "suspect", "estimated")
    return [
        water(hour * HOUR + chance.randrange(HOUR), round(chance.uniform(0, 5), 3), quality=chance.choice(marks))
        for hour in range(days * 24)
    ]


# ---- roll-ups -------------------------------------------------------------------------------------------------------


def test_a_rollup_is_what_the_analysis_says(store: DuckdbStore) -> None:
    several = a_quarter() + [Observation(LEVEL, MAY + at * 1000, 50 + at % 30) for at in range(5000)]
    add(store, several)
    store.tend(LATER)
    sizes: tuple[Size, ...] = ("quarter", "hour", "day", "month")
    expected = {(size, *key): one for size in sizes for key, one in roll_up(size, several).items()}
    kept = store._writer.execute("select * from rollup join series on id = series").fetchall()
    columns = [name for name, *_ in store._writer.description]
    assert len(kept) == len(expected)
    for row in (dict(zip(columns, one, strict=True)) for one in kept):
        one = expected[row["size"], Series(row["thing"], row["quantity"], row["period"]), (row["begin"], row["end"])]
        assert (row["count"], row["minimum"], row["maximum"]) == (one.count, one.minimum, one.maximum)
        assert row["total"] == (None if one.sum is None else pytest.approx(one.sum, rel=1e-14))
        assert row["suspect"] == one.suspect
        assert row["first_number"] == (one.first[1] if one.first else None)
        assert (row["ranks"] or [None] * 9)[4] == one.percentile(50)


def test_a_window_that_is_open_has_no_rollup_yet(store: DuckdbStore) -> None:
    add(store, [water(0, 1.0)], MAY + 1)
    store.tend(MAY + HOUR)
    assert {row[0] for row in rollups(store)} == {"quarter", "hour"}
    store.tend(MAY + 32 * DAY)
    assert {row[0] for row in rollups(store)} == {"quarter", "hour", "day", "month"}


def test_late_data_make_their_windows_again_and_no_others(store: DuckdbStore) -> None:
    add(store, a_quarter(10))
    store.tend(LATER)
    before = store._writer.execute('select size, series, "begin", known from rollup').fetchall()
    add(store, [water(3 * DAY + 5, 99.0)])
    store.tend(LATER)
    after = store._writer.execute('select size, series, "begin", known from rollup').fetchall()
    changed = {row[0] for row in set(after) - set(before)}
    assert (len(set(after) - set(before)), changed) == (4, {"quarter", "hour", "day", "month"})
    assert (MAY + 3 * DAY, 99.0) in {(begin, most) for begin, _, _, most, _ in figures(store)}


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32))
def test_rollups_are_the_same_whatever_order_and_repetition(seed: int) -> None:
    chance = random.Random(seed)
    several = [water(chance.randrange(40 * DAY), chance.uniform(-1e6, 1e6)) for _ in range(300)]
    several = list({one.at: one for one in several}.values())
    with TemporaryDirectory() as folder:
        stores = [DuckdbStore(Path(folder) / f"{name}.duckdb") for name in "ab"]
        add(stores[0], sorted(several, key=lambda one: one.at))
        stores[0].tend(LATER)
        shuffled = several + chance.choices(several, k=100)
        chance.shuffle(shuffled)
        while shuffled:
            count = chance.randint(1, 120)
            add(stores[1], shuffled[:count])
            del shuffled[:count]
            if chance.random() < 0.5:
                stores[1].tend(LATER)
        stores[1].tend(LATER)
        assert rollups(stores[0]) == rollups(stores[1])
        for one in stores:
            one.close()


def test_a_crash_between_writing_and_rolling_up_loses_no_rollup(tmp_path: Path) -> None:
    file = tmp_path / "observations.duckdb"
    first = DuckdbStore(file)
    add(first, a_quarter(5))
    first.close()
    again = DuckdbStore(file)
    again.tend(LATER)
    assert len([row for row in rollups(again) if row[0] == "day"]) in (5, 6)
    again.close()


# ---- sealing --------------------------------------------------------------------------------------------------------


def test_past_months_lie_in_parquet_and_every_answer_stays_the_same(store: DuckdbStore, tmp_path: Path) -> None:
    add(store, a_quarter())
    add(store, [water(40 * DAY, 7.0), water(40 * DAY, 7.5)])
    queries = [Query(WATER), Query(WATER, versions="all"), Query(WATER, since=MAY + 20 * DAY, until=MAY + 45 * DAY)]
    before = [read(store, one) for one in queries], figures(store), figures(store, "month", percentiles=(50,))
    store.tend(LATER)
    files = sorted(file.name for file in (tmp_path / "observations.sealed").iterdir())
    assert files == ["2026-04.1.parquet", "2026-05.1.parquet", "2026-06.1.parquet", "2026-07.1.parquet"]
    assert store._writer.execute("select count(*) from observation").fetchone() == (0,)
    assert ([read(store, one) for one in queries], figures(store), figures(store, "month", percentiles=(50,))) == before
    assert store.count(Query(WATER)) == len(before[0][0])


def test_another_process_reads_a_sealed_month_while_the_store_is_open(store: DuckdbStore, tmp_path: Path) -> None:
    add(store, a_quarter(20))
    store.tend(LATER)
    file = tmp_path / "observations.sealed" / "2026-05.1.parquet"
    script = "import sys, pyarrow.parquet as pq; t = pq.read_table(sys.argv[1]); print(t.num_rows, *t.column_names)"
    found = subprocess.run([sys.executable, "-c", script, str(file)], capture_output=True, text=True, check=True)
    names = "thing quantity period series at number text source mark known quality censored derived"
    assert found.stdout.split() == [str(20 * 24 - 2), *names.split()]


def test_the_running_month_and_the_one_just_past_are_not_sealed(store: DuckdbStore, tmp_path: Path) -> None:
    add(store, [water(0, 1.0), water(20 * DAY, 1.0)], MAY + 20 * DAY)
    store.tend(MAY + 20 * DAY)
    assert not list((tmp_path / "observations.sealed").glob("2026-05*"))


def test_late_data_of_a_sealed_month_is_found_repeated_and_corrected(
    store: DuckdbStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(store, [water(DAY, 1.0), water(2 * DAY, 2.0)])
    store.tend(LATER)
    added = add(store, [water(DAY, 1.0), water(2 * DAY, 2.5), water(3 * DAY, 3.0)])
    assert [one.value for one in added.kept] == [3.0, 2.5]
    expected = [(DAY, 1.0), (2 * DAY, 2.5), (3 * DAY, 3.0)]
    assert read(store, Query(WATER)) == expected
    monkeypatch.setattr(sealing, "WORTH_IT", 1)
    store.tend(LATER + 2 * HOUR)
    assert store._writer.execute("select file from sealed").fetchall() == [("2026-05.2.parquet",)]
    assert read(store, Query(WATER)) == expected
    assert len(read(store, Query(WATER, versions="all"))) == 4
    assert add(store, [water(2 * DAY, 2.0)]).kept[:] is not None
    assert read(store, Query(WATER)) == expected


def test_a_question_that_is_being_read_survives_the_next_seal(store: DuckdbStore, monkeypatch: Any) -> None:
    add(store, a_quarter(20))
    store.tend(LATER)
    rows = store.open_rows(Query(WATER))
    found = list(rows.fetch(10))
    monkeypatch.setattr(sealing, "WORTH_IT", 1)
    for hour in range(1, 4):
        add(store, [water(DAY + hour, 9.0)])
        store.tend(LATER + hour * 2 * HOUR)
    while part := rows.fetch(100):
        found += part
    rows.close()
    assert len(found) == 20 * 24


def test_files_of_a_seal_that_was_cut_short_are_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = DuckdbStore(tmp_path / "observations.duckdb")
    add(first, a_quarter(3))
    first.tend(LATER)
    first.close()
    folder = tmp_path / "observations.sealed"
    (folder / "2026-05.partial").write_bytes(b"half")
    (folder / "2026-05.2.parquet").write_bytes(b"not committed")
    again = DuckdbStore(tmp_path / "observations.duckdb")
    (folder / "2026-05.0.parquet").write_bytes(b"older")
    assert not (folder / "2026-05.partial").exists()
    assert len(read(again, Query(WATER))) == 72
    add(again, [water(DAY + hour, 9.0) for hour in range(3)])
    monkeypatch.setattr(sealing, "WORTH_IT", 1)
    for hour in (2, 4, 6):
        again.tend(LATER + hour * HOUR)
    assert {file.name for file in folder.iterdir()} == {"2026-04.1.parquet", "2026-05.2.parquet"}
    assert len(read(again, Query(WATER))) == 75
    again.close()


def test_the_last_value_of_a_sealed_series_is_known_after_a_restart(tmp_path: Path) -> None:
    first = DuckdbStore(tmp_path / "observations.duckdb")
    add(first, [water(0, 1.0), water(5, 2.0), water(5, 3.0)])
    first.tend(LATER)
    first.close()
    again = DuckdbStore(tmp_path / "observations.duckdb")
    last = again.last(WATER)
    assert last is not None
    assert last.value == 3.0
    again.close()


def test_what_arrives_between_rolling_up_and_sealing_is_rolled_up(
    store: DuckdbStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(store, a_quarter(5))
    due = sealing.due

    def meanwhile(cursor: duckdb.DuckDBPyConnection, now: int) -> list[int]:
        add(store, [water(2 * DAY + 7, 99.0)])
        return due(cursor, now)

    monkeypatch.setattr(sealing, "due", meanwhile)
    store.tend(LATER)
    store.tend(LATER + 60_000)
    kept = {row[2]: row[4] for row in rollups(store) if row[0] == "day"}
    assert kept == {begin: count for begin, count, *_ in figures(store)}


# ---- retention ------------------------------------------------------------------------------------------------------


def test_raw_data_goes_by_whole_months_and_its_figures_stay(store: DuckdbStore, tmp_path: Path) -> None:
    add(store, a_quarter(), MAY + 70 * DAY)
    hourly, daily, monthly = (figures(store, size) for size in ("hour", "day", "month"))
    yearly = figures(store, "year")
    store.limit([Keep("water_flow", days=10)])
    store.tend(MAY + 75 * DAY)  # 15 July: July is kept, May and June go
    july = instant(date(2026, 7, 1), 0) - MAY
    assert {at >= july for at, _ in read(store, Query(WATER))} == {True}
    for size, before in (("hour", hourly), ("day", daily), ("month", monthly)):
        after = figures(store, size)  # type: ignore[arg-type]
        assert [row[:2] + row[3:] for row in after] == [row[:2] + row[3:] for row in before]
        assert [row[2] for row in after] == [None if one is None else pytest.approx(one) for *_, one, _, _ in before]
    ((begin, count, mean, most, first),) = figures(store, "year")
    assert (begin, count, most, first) == (yearly[0][0], yearly[0][1], yearly[0][3], yearly[0][4])
    assert mean == pytest.approx(yearly[0][2])


def test_what_has_expired_leaves_sealed_months_too(store: DuckdbStore, tmp_path: Path) -> None:
    other = Series("wm-2", "water_volume")
    add(store, [*a_quarter(40), *(Observation(other, MAY + at * DAY, float(at)) for at in range(40))])
    store.tend(LATER)
    store.limit([Keep("water_flow", days=30)])
    store.tend(LATER + 2 * HOUR)
    assert read(store, Query(WATER)) == []
    assert len(read(store, Query(other))) == 40
    assert sum(row[1] for row in figures(store)) > 0
    assert store._writer.execute("select sum(points) from sealed").fetchone() == (40,)


def test_what_arrives_beyond_retention_is_refused_and_its_rollup_stands(store: DuckdbStore) -> None:
    add(store, a_quarter(40))
    store.limit([Keep("water_flow", days=30)])
    store.tend(LATER)
    before = rollups(store)
    added = add(store, [water(DAY + 1, 77.0), water(395 * DAY, 1.0)])
    assert added.refused == [(0, BEYOND)]
    assert len(added.kept) == 1
    store.tend(LATER)
    assert [row for row in rollups(store) if row[2] < MAY + 100 * DAY] == before


def test_what_has_expired_stays_expired_after_a_restart(tmp_path: Path) -> None:
    first = DuckdbStore(tmp_path / "observations.duckdb")
    add(first, a_quarter(5))
    first.limit([Keep("*", days=30)])
    first.tend(LATER)
    first.close()
    again = DuckdbStore(tmp_path / "observations.duckdb")
    assert add(again, [water(DAY, 1.0)]).refused == [(0, BEYOND)]
    assert len(figures(again)) in (5, 6)
    again.close()


def test_the_first_rule_that_covers_a_series_counts(store: DuckdbStore) -> None:
    add(store, [water(0, 1.0), Observation(LEVEL, MAY + 1, 50.0), Observation(LEVEL._replace(period=2), MAY, 50.0)])
    store.limit([Keep("laeq", 36_500, period=1000), Keep("laeq", 1), Keep("water_volume", 1)])
    store.tend(LATER)
    assert [store.count(Query(one)) for one in (WATER, LEVEL, LEVEL._replace(period=2))] == [1, 1, 0]


def test_a_retention_that_is_cut_short_counts_nothing_twice_and_is_done_again(
    store: DuckdbStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(store, a_quarter(40))
    store.tend(LATER)
    before = figures(store)
    store.limit([Keep("water_flow", days=30)])

    def fail(*_: object) -> None:
        raise StoreError("no space")

    with monkeypatch.context() as patch:
        patch.setattr(sealing, "swap", fail)
        with pytest.raises(StoreError):
            store.tend(LATER)
    assert figures(store) == before
    assert add(store, [water(DAY, 1.5)]).refused == [(0, BEYOND)]
    store.tend(LATER)
    assert read(store, Query(WATER)) == []
    assert [row[:2] for row in figures(store)] == [row[:2] for row in before]


def test_only_months_that_hold_what_goes_are_written_anew(store: DuckdbStore) -> None:
    add(store, [*a_quarter(70), Observation(Series("wm-2", "water_volume"), MAY + DAY, 1.0)])
    store.tend(LATER)
    store.limit([Keep("water_volume", days=30)])
    store.tend(LATER)
    files = dict(store._writer.execute("select month, file from sealed order by 1").fetchall()).values()
    assert list(files) == ["2026-04.1.parquet", "2026-05.2.parquet", "2026-06.1.parquet", "2026-07.1.parquet"]


def test_a_series_that_never_came_does_not_stand_in_the_way_of_the_next_start(tmp_path: Path) -> None:
    first = DuckdbStore(tmp_path / "observations.duckdb")
    first.limit([Keep("*", days=30)])
    first.table.number_of(WATER)
    first.tend(LATER)
    first._writer.execute("insert into expired values (7, 5)")  # as a crash could leave it
    first.close()
    again = DuckdbStore(tmp_path / "observations.duckdb")
    assert len(add(again, [water(399 * DAY, 1.0)]).kept) == 1
    again.close()


def test_what_was_known_before_the_raw_data_went_is_refused(store: DuckdbStore) -> None:
    add(store, a_quarter(5))
    store.limit([Keep("*", days=30)])
    store.tend(LATER)
    with pytest.raises(NotOfferedError, match="as_of"):
        figures(store, as_of=LATER)


# ---- known times ----------------------------------------------------------------------------------------------------


def test_known_times_go_on_after_a_restart_whatever_the_clock_says(tmp_path: Path) -> None:
    first = DuckdbStore(tmp_path / "observations.duckdb")
    add(first, [water(5 * DAY, 1.0)], LATER)
    (late,) = add(first, [water(DAY, 2.0)], LATER + HOUR).kept
    first.close()
    again = DuckdbStore(tmp_path / "observations.duckdb")
    (new,) = add(again, [water(6 * DAY, 3.0)], LATER).kept
    assert new.known > late.known
    again.close()


def test_one_observation_may_not_move_the_time_of_all_others(store: DuckdbStore) -> None:
    add(store, [water(DAY, 0.5)])
    added = add(store, [water(DAY, float(version)) for version in range(1, 26)], LATER + HOUR)
    assert len(added.kept) == MOST_VERSIONS
    assert added.refused == [(position, TOO_MANY) for position in range(MOST_VERSIONS, 25)]
    (later,) = add(store, [water(2 * DAY, 1.0)], LATER + HOUR + 100).kept
    assert later.known == LATER + HOUR + 100


def test_memory_keeps_nothing_for_days() -> None:
    with pytest.raises(NotOfferedError, match="memory"):
        open_store("memory:", Path()).limit([Keep("*", 1)])


# ---- backups and older files ----------------------------------------------------------------------------------------


def test_a_backup_while_running_opens_with_everything(store: DuckdbStore, tmp_path: Path) -> None:
    add(store, a_quarter())
    store.tend(LATER - 300 * DAY)  # some months are sealed, some are not
    add(store, [water(69 * DAY, 5.0)])
    target = tmp_path / "backup"
    target.mkdir()
    store.backup(target)
    add(store, [water(399 * DAY, 6.0)])  # it goes on
    copy = DuckdbStore(target / "observations.duckdb")
    assert len(read(copy, Query(WATER))) == len(read(store, Query(WATER))) - 1
    assert figures(copy)[:-1] == figures(store)[: len(figures(copy)) - 1]
    add(copy, [water(398 * DAY, 6.0)])
    copy.close()


def test_a_backup_that_failed_stands_in_the_way_of_none(store: DuckdbStore, tmp_path: Path) -> None:
    add(store, a_quarter())
    store.tend(LATER)
    failing, nowhere, good = tmp_path / "failing", tmp_path / "nowhere", tmp_path / "good"
    (failing / "observations.sealed").mkdir(parents=True)  # the table is copied already
    with pytest.raises(StoreError, match=r"backup: .*observations\.sealed"):
        store.backup(failing)
    with pytest.raises(StoreError, match="nowhere"):
        store.backup(nowhere)
    (nowhere / "observations.duckdb").mkdir(parents=True)
    with pytest.raises(StoreError, match=r"observations\.duckdb"):
        store.backup(nowhere)
    good.mkdir()
    store.backup(good)
    copy = DuckdbStore(good / "observations.duckdb")
    assert read(copy, Query(WATER)) == read(store, Query(WATER))
    copy.close()


OLD = """
create table series (id integer not null, thing varchar not null, quantity varchar not null, period bigint not null);
create table observation (series integer not null, "at" bigint not null, number double, text varchar,
    quality varchar not null, censored varchar not null, source varchar not null, derived varchar not null,
    known bigint not null);
insert into series values (1, 'wm-1', 'water_flow', 0), (2, 'spot-1', 'occupancy', 0);
insert into observation values (1, {may}, 1.0, null, '', '', '', '', 5), (1, {may}, 2.0, null, '', '', '', '', 6),
    (2, {may}, null, 'free', '', '', '', '', 6), (1, {may} + 9, 3.0, null, '', '', '', '', 7);
"""


def test_a_file_of_the_first_version_is_taken_over(tmp_path: Path) -> None:
    file = tmp_path / "observations.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute(OLD.format(may=MAY))
    store = DuckdbStore(file)
    assert read(store, Query(WATER)) == [(0, 2.0), (9, 3.0)]
    assert read(store, Query(WATER, versions="all")) == [(0, 1.0), (0, 2.0), (9, 3.0)]
    assert read(store, Query(Series("spot-1", "occupancy"))) == [(0, "free")]
    add(store, [water(0, 1.0), water(10, 4.0), Observation(Series("wm-2", "water_flow"), MAY, 1.0)])
    assert read(store, Query(WATER)) == [(0, 2.0), (9, 3.0), (10, 4.0)]
    store.close()


def test_a_file_of_a_later_version_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "observations.duckdb"
    DuckdbStore(file).close()
    with duckdb.connect(str(file)) as connection:
        connection.execute("update layout set version = 99")
    with pytest.raises(StoreError, match="layout 99"):
        DuckdbStore(file)
