"""What the city knows of one household is given to it, or forgotten for good, in every store."""

import csv
import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from collector.analysis.counters import Exchange
from collector.city import City, open_city
from collector.embedded.source import month_begin
from collector.entities.meters import UNKNOWN
from collector.ingest import Ingest
from collector.messages.message import Message
from collector.observation import Observation, Series
from collector.running.household import NoHouseholdError, erase, export
from collector.series.aggregation import Aggregation
from collector.series.batch import Batch
from collector.series.query import Query
from collector.stores.duckdb import DuckdbStore
from collector.tests.households import FLAT, HALL, HOUR, INVENTORY, WARMTH, WATER, T, street

DAY = 24 * HOUR

Open = Callable[[], City]


@pytest.fixture(params=["memory", "duckdb", "influx"])
def city(request: pytest.FixtureRequest, tmp_path: Path) -> City:
    url = {"memory": "memory:", "duckdb": "duckdb:observations.duckdb"}.get(request.param)
    return street(tmp_path, url or request.getfixturevalue("influx_url"))


def stored(city: City, series: Series) -> list[Observation]:
    rows = city.store.open_rows(Query(series))
    try:
        return list(rows.fetch(100))
    finally:
        rows.close()


async def test_what_is_erased_is_found_by_no_question(city: City, tmp_path: Path) -> None:
    gone = await erase(city, "h-99", T + 1, "console", "moved out, asked for it")
    assert (gone.things, gone.observations) == (["flat-1"], 2)
    for series in (FLAT, WARMTH):
        assert stored(city, series) == []
        assert city.store.count(Query(series)) == 0
        assert city.store.last(series) is None
        assert series not in city.store.latest()
    figures = city.store.open_aggregates(Aggregation("heat_energy", "day", T - DAY, T + DAY))
    assert [one.thing for one in figures.fetch(10)] == [HALL.thing]
    figures.close()
    assert len(stored(city, HALL)) == 1
    assert len(stored(city, WATER[0])) == 2
    (line,) = [json.loads(line)["event"] for line in (tmp_path / "audit.log").read_text().splitlines()]
    assert (line["event"], line["who"], line["why"]) == ("household erased", "console", "moved out, asked for it")
    assert line["things"] == [city.access.pseudonyms.of("flat-1")]


def reading(at: int, value: float, seq: int) -> Message:
    content = {"thing": "flat-1", "at": at, "values": {"heat_energy": value}}
    payload = json.dumps({"outbox": "aaaaaaaa", "seq": seq, "readings": [content]}).encode()
    return Message("koper/v1/gw-1/reading", payload, T + DAY)


async def test_what_was_erased_does_not_come_back_and_is_receipted(city: City) -> None:
    await erase(city, "h-99", T + 1, "console", "asked for it")
    ingest = Ingest(city)
    outcome = ingest.commit([reading(T, 13.0, 1), reading(T + HOUR, 14.0, 2)], T + DAY)
    assert outcome.receipts == {("gw-1", "aaaaaaaa"): ((1, 2),)}
    assert [(one.at, one.value) for one in stored(city, FLAT)] == [(T + HOUR, 14.0)]
    assert city.quarantine.held() == []


async def test_what_is_held_is_erased_too(city: City) -> None:
    ingest = Ingest(city)
    wrong = json.dumps({"readings": [{"thing": "flat-1", "at": T, "values": {"ether": 1}}]}).encode()
    ingest.commit([Message("koper/v1/gw-1/reading", wrong, T)], T)
    assert len(city.quarantine.held()) == 1
    gone = await erase(city, "h-99", T + 1, "console", "asked for it")
    assert gone.held == 1
    assert city.quarantine.held() == []
    ingest.commit([Message("koper/v1/gw-1/reading", wrong, T)], T)
    assert city.quarantine.held() == []


async def test_a_later_erasure_up_to_an_earlier_time_gives_nothing_back(city: City) -> None:
    await erase(city, "h-99", T + 1, "console", "asked for it")
    city.access.erasures.add(["flat-1"], T - HOUR)
    Ingest(city).commit([reading(T, 13.0, 1)], T + DAY)
    assert stored(city, FLAT) == []
    city.access.erasures.refresh()
    Ingest(city).commit([reading(T, 13.0, 2)], T + DAY)
    assert stored(city, FLAT) == []


async def test_of_held_readings_over_a_period_those_are_erased_that_began_before(city: City) -> None:
    ingest = Ingest(city)
    for at in (T, T + 1):
        content = {"thing": "flat-1", "at": at, "period": HOUR, "values": {"ether": 1}}
        ingest.commit([Message("koper/v1/gw-1/reading", json.dumps({"readings": [content]}).encode(), T)], T)
    assert len(city.quarantine.held()) == 2
    gone = await erase(city, "h-99", T, "console", "asked for it")
    assert gone.held == 1
    assert len(city.quarantine.held()) == 1


async def test_an_erasure_survives_a_restart(tmp_path: Path) -> None:
    city = street(tmp_path, "duckdb:observations.duckdb")
    await erase(city, "h-99", T + 1, "console", "asked for it")
    city.store.close()
    again = open_city(INVENTORY, tmp_path, "duckdb:observations.duckdb")
    assert stored(again, FLAT) == []
    Ingest(again).commit([reading(T, 13.0, 1)], T + DAY)
    assert stored(again, FLAT) == []


async def test_sealed_months_and_roll_ups_forget_as_well(tmp_path: Path) -> None:
    city = street(tmp_path, "duckdb:observations.duckdb")
    store = city.store
    assert isinstance(store, DuckdbStore)
    begin = month_begin(680)  # September 2026
    old = [
        Observation(series, begin + day * DAY + hour * HOUR, float(day), "" if hour else "estimated")
        for series in (FLAT, HALL, Series("flat-1", "heat_power", HOUR))
        for day in range(20)
        for hour in range(3)
    ]
    corrected = [Observation(FLAT, begin, 99.0)]
    city.registry.see(one.series for one in old)
    store.add(Batch.of(store.table, old), T)
    store.add(Batch.of(store.table, corrected), T + 1)
    store.tend(T + 1)
    sealed = list((tmp_path / "observations.sealed").glob("*.parquet"))
    assert sealed
    gone = await erase(city, "h-99", T + 1, "console", "asked for it")
    assert gone.observations == 2 + 60 + 60 + 1
    assert stored(city, FLAT) == []
    assert len(stored(city, HALL)) == 61
    assert not any(file.exists() for file in sealed)
    assert len(list((tmp_path / "observations.sealed").glob("*.parquet"))) == len(sealed)
    cursor = store._writer.cursor()
    own = "series in (select id from series where thing = 'flat-1')"
    for table in ("observation", "superseded", "rollup"):
        assert cursor.execute(f"select count(*) from {table} where {own}").fetchall() == [(0,)]  # noqa: S608
    files = str(tmp_path / "observations.sealed" / "*.parquet")
    assert cursor.execute(f"select count(*) from read_parquet('{files}') where thing = 'flat-1'").fetchall() == [(0,)]  # noqa: S608
    store.tend(T + 2)
    figures = store.open_aggregates(Aggregation("heat_energy", "month", begin, begin + DAY))
    assert [one.thing for one in figures.fetch(10)] == [HALL.thing]
    figures.close()


async def test_a_household_gets_all_that_is_known_of_it(city: City, tmp_path: Path) -> None:
    target = tmp_path / "h-99"
    exchanged = UNKNOWN._replace(exchanges=(Exchange(T, Fraction("12.5"), Fraction(0)),))
    city.meters.known = dict.fromkeys((("flat-1", "heat_energy"), ("hall-1", "heat_energy")), exchanged)
    assert await export(city, "h-99", target, "console", "article 15") == 2
    assert target.stat().st_mode & 0o777 == 0o700
    (rows,) = [list(csv.DictReader(file.open())) for file in target.glob("*.csv")]
    assert {(row["quantity"], float(row["value"]), row["unit"]) for row in rows} == {
        ("heat_energy", 13.0, "kW.h"), ("temperature", 14.0, "Cel"),
    }  # fmt: skip
    assert all(row["source"].startswith("serial-") for row in rows)
    about = json.loads((target / "household.json").read_text())
    assert [one["id"] for one in about["things"]] == ["flat-1"]
    exchange = {"thing": "flat-1", "quantity": "heat_energy", "at": T, "final": 12.5, "initial": 0.0}
    assert about["exchanges"] == [exchange]
    assert about["purposes"]
    assert [(one["who"], one["why"]) for one in about["read_by"]] == [("console", "article 15")]


async def test_a_household_that_is_none_is_refused(city: City, tmp_path: Path) -> None:
    with pytest.raises(NoHouseholdError, match="no thing is, or was, of h-0"):
        await erase(city, "h-0", T, "console", "x")
    with pytest.raises(NoHouseholdError, match="no thing is, or was, of h-0"):
        await export(city, "h-0", tmp_path / "x", "console", "x")


def test_live_events_forget_too(city: City) -> None:
    city.feed.publish([Observation(FLAT, T, 1.0)])
    city.feed.forget()
    assert city.feed.since(0) == []
