"""What the numbers mean, by HTTP: a bill, a noise map, an air report, a leak at night, a car park."""

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import replace
from math import log10
from pathlib import Path

import polars as pl
import pytest
from fastapi.testclient import TestClient

from collector.analysis.windows import HOUR, QUARTER
from collector.api import bulk
from collector.api.indicators import INDICATORS
from collector.city import open_city
from collector.entities.inventory import Inventory
from collector.entities.meters import Meters, load_meters
from collector.indicators import reading
from collector.indicators.indicator import Indicator
from collector.observation import Observation, Series
from collector.series.batch import Batch
from collector.tests.asking import client_of

MONDAY = 1_795_388_400_000  # 2026-11-23 00:00 in Koper
DAY = 24 * HOUR
WATER, HEAT = Series("water-1", "water_volume"), Series("heat-1", "heat_energy")
EXCHANGED = Series("water-2", "water_volume")
NOISE, AIR, SPOT = Series("mic-1", "laeq", QUARTER), Series("air-1", "no2", HOUR), Series("spot-1", "occupancy")
CENTERS = {
    "water-1": "environment",
    "water-2": "environment",
    "heat-1": "energy",
    "mic-1": "environment",
    "air-1": "environment",
}
THINGS = [
    {"id": name, "name": dict.fromkeys(("sl", "it", "en"), name), "center": center, "openness": "open"}
    for name, center in {**CENTERS, "spot-1": "mobility"}.items()
]
INVENTORY = Inventory.model_validate({"city": "koper", "thing": THINGS})

METERS = """
[[meter]]
thing = "water-1"
quantity = "water_volume"
most_per_hour = 5.0
modulus = 1000
interval_minutes = 60

[[meter]]
thing = "water-2"
quantity = "water_volume"

[[meter.exchange]]
at = 2026-11-23T12:30:00+01:00
final = 999.75
initial = 0.25
"""

Asked = Callable[[Iterable[Observation]], TestClient]


@pytest.fixture(params=["memory:", "duckdb:x.duckdb"])
def asked(request: pytest.FixtureRequest, tmp_path: Path) -> Iterable[Asked]:
    """What makes a client of a city with these observations and the meters of ``METERS``."""
    (tmp_path / "meters.toml").write_text(METERS)
    city = open_city(INVENTORY, tmp_path, request.param)

    def ask(observations: Iterable[Observation]) -> TestClient:
        several = list(observations)
        city.registry.see(one.series for one in several)
        city.store.add(Batch.of(city.store.table, several), MONDAY)
        return client_of(replace(city, meters=Meters(load_meters(tmp_path / "meters.toml"))))

    yield ask
    city.close()


def rows(client: TestClient, question: str, since: int = MONDAY, to: int = MONDAY + DAY) -> list[dict[str, str]]:
    answer = client.get(f"/api/indicators.csv?from={since}&to={to}&{question}")
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text)))


# ---- consumption


def hourly(shown: Iterable[float], series: Series = WATER, since: int = MONDAY) -> list[Observation]:
    return [Observation(series, since + at * HOUR, value) for at, value in enumerate(shown)]


def test_a_day_of_water_goes_across_an_exchange_that_the_fitter_wrote_down(asked: Asked) -> None:
    old = [round(995.0 + 0.35 * at, 3) for at in range(13)]  # 999.2 at 12:00
    new = [round(0.5 + 0.25 * at, 3) for at in range(12)]  # from 13:00 on
    (row,) = rows(asked(hourly([*old, *new], EXCHANGED)), "indicator=consumption&thing=water-2&size=day")
    # to 12:00 4.2; then 0.55 to 12:30 (999.75) and 0.25 from there (0.25 to 0.5); to 24:00 another 2.75, cut at 24:00
    assert (row["thing"], row["quantity"], row["local"]) == ("water-2", "water_volume", "2026-11-23T00:00+01:00")
    assert (row["amount"], row["estimated"], row["quality"]) == ("7.75", "0.0", "valid")
    assert (row["events"], row["unit"], row["period"]) == ("exchanged", "m3", "0")
    assert float(row["share"]) == 1.0


def test_hours_sum_to_their_day_whichever_are_asked_together(asked: Asked) -> None:
    client = asked(hourly([0.001, *(round(0.001 + at / 7, 3) for at in range(1, 25))], HEAT))
    question = "indicator=consumption&thing=heat-1&quantity=heat_energy&size="
    hours, (day,) = rows(client, question + "hour"), rows(client, question + "day")
    assert len(hours) == 24
    assert round(sum(float(row["amount"]) for row in hours), 9) == float(day["amount"]) == round(24 / 7, 3)
    alone = [rows(client, question + "hour", MONDAY + at * HOUR, MONDAY + (at + 1) * HOUR) for at in range(24)]
    assert [row for (row,) in alone] == hours


def test_a_gap_over_the_end_of_a_month_is_shared_by_time_and_marked(asked: Asked) -> None:
    """Whoever asks for one month alone reads what stands beyond its end."""
    november, december = MONDAY + 7 * DAY, MONDAY + 8 * DAY  # midnights of 30 November and 1 December
    seen = [Observation(HEAT, november - 2 * DAY, 100.0), Observation(HEAT, december + 3 * DAY, 112.0)]
    question = "indicator=consumption&thing=heat-1&quantity=heat_energy&size=month"
    client = asked(seen)
    both = rows(client, question, november, december + DAY)
    assert [(row["local"][:7], row["amount"], row["estimated"], row["quality"]) for row in both] == [
        ("2026-11", "6.0", "6.0", "estimated"),
        ("2026-12", "6.0", "6.0", "estimated"),
    ]
    assert rows(client, question, november, december) == both[:1]


def test_what_no_sensor_says_is_left_out_and_the_next_good_one_closes_the_gap(asked: Asked) -> None:
    seen = hourly([float(at) for at in range(25)], HEAT)
    seen[5] = Observation(HEAT, MONDAY + 5 * HOUR, 900.0, "suspect")
    (row,) = rows(asked(seen), "indicator=consumption&thing=heat-1&quantity=heat_energy&size=day")
    assert (row["amount"], row["estimated"]) == ("24.0", "0.0")


def test_the_index_turns_over_where_the_file_says_so(asked: Asked) -> None:
    (row,) = rows(
        asked(hourly([998.5, 999.5, 0.5, 1.5], since=MONDAY - DAY)),
        "indicator=consumption&thing=water-1&size=day",
        MONDAY - DAY,
        MONDAY,
    )
    assert row["events"] == "rolled over"
    assert float(row["amount"]) == 3.0


def test_of_an_index_that_no_file_knows_a_fall_is_a_reset(asked: Asked) -> None:
    seen = hourly([10.0, 11.0, 0.5, 1.5], HEAT)
    (row,) = rows(asked(seen), "indicator=consumption&thing=heat-1&quantity=heat_energy&size=day")
    assert (row["amount"], row["estimated"], row["quality"], row["events"]) == ("2.5", "0.5", "estimated", "reset")


# ---- noise, air, night flow, parking


def test_a_day_of_noise_runs_from_six_to_six(asked: Asked) -> None:
    def level(at: int) -> float:
        hour = (at - 1) // HOUR % 24
        return 65.0 if 6 <= hour < 18 else 60.0 if 18 <= hour < 22 else 55.0

    first, last = QUARTER, 30 * HOUR
    seen = [Observation(NOISE, MONDAY + at, level(at)) for at in range(first, last + 1, QUARTER)]
    (row,) = rows(asked(seen), "indicator=noise&thing=mic-1&size=day")
    levels = [float(row[name]) for name in ("lday", "levening", "lnight", "lden")]
    assert levels == pytest.approx([65.0, 60.0, 55.0, 65.0], abs=0.01)
    assert (row["share_day"], row["share_night"], row["suspect"]) == ("1.0", "1.0", "0")


def test_a_day_of_air_needs_18_hours_and_has_its_highest_8(asked: Asked) -> None:
    seen = [Observation(AIR, MONDAY + at * HOUR, 80.0 if 8 < at <= 16 else 20.0) for at in range(-8, 25)]
    client = asked(seen)
    (row,) = rows(client, "indicator=air&thing=air-1&size=day")
    assert (row["mean"], row["highest_8h"], row["highest_8h_end"]) == ("40.0", "80.0", str(MONDAY + 16 * HOUR))
    assert (row["share"], row["share_8h"], row["is_capped"], row["censored"]) == ("1.0", "1.0", "false", "0")
    hours = rows(client, "indicator=air&thing=air-1&size=hour")
    assert [row["mean"] for row in hours] == ["20.0"] * 8 + ["80.0"] * 8 + ["20.0"] * 8
    assert {row["highest_8h"] for row in hours} == {""}
    (month,) = rows(client, "indicator=air&thing=air-1&size=month")
    assert (month["mean"], float(month["share"])) == ("", pytest.approx(33 / 720)), "there is no mean of so little"


def test_a_leak_runs_at_night(asked: Asked) -> None:
    seen = [Observation(WATER, MONDAY + at * QUARTER, round(10 + at * 0.05, 3)) for at in range(97)]
    (row,) = rows(asked(seen), "indicator=night_flow&thing=water-1&size=day")
    assert (float(row["flow"]), row["share"]) == (0.2, "1.0")
    assert (row["flow_end"], row["unit"]) == (str(MONDAY + 2 * HOUR + QUARTER), "m3/h")


def test_a_spot_is_what_it_said_before_the_day_began(asked: Asked) -> None:
    said = [(-HOUR, "occupied"), (6 * HOUR, "free"), (18 * HOUR, "occupied"), (20 * HOUR, "closed")]
    seen = [Observation(SPOT, MONDAY + at, state) for at, state in said]
    (row,) = rows(asked(seen), "indicator=parking&thing=spot-1&size=day")
    hours = [int(row[name]) / HOUR for name in ("occupied", "free", "closed", "unknown")]
    assert hours == [8, 12, 4, 0]
    assert (row["arrivals"], row["occupancy"]) == ("1", "0.4")


# ---- all


def test_of_a_day_without_observations_there_is_no_row(asked: Asked) -> None:
    client = asked(hourly([1.0, 2.0], since=MONDAY - 9 * DAY))
    for name, thing in (("consumption", "water-1"), ("night_flow", "water-1"), ("noise", "mic-1")):
        assert rows(client, f"indicator={name}&thing={thing}&size=day") == []


def test_of_the_whole_city_each_series_has_its_rows(asked: Asked) -> None:
    both = [*hourly([1.0, 2.0]), *(Observation(AIR, MONDAY + at * HOUR, 20.0) for at in range(25))]
    client = asked(both)
    assert {row["thing"] for row in rows(client, "indicator=consumption&size=day")} == {"water-1"}
    assert {row["thing"] for row in rows(client, "indicator=air&size=day&center=environment")} == {"air-1"}


OCTOBER, MARCH = 1_792_792_800_000, 1_774_652_400_000  # midnights of 24 October and 28 March 2026 in Koper


@pytest.mark.parametrize(("midnight", "hours"), [(OCTOBER, 9), (MARCH, 7)])
def test_the_nights_in_which_the_clocks_change_have_their_last_hour(asked: Asked, midnight: int, hours: int) -> None:
    evening = midnight + 22 * HOUR
    night = range(evening + QUARTER, evening + hours * HOUR + 1, QUARTER)
    seen = [Observation(NOISE, at, 90.0 if at > evening + (hours - 1) * HOUR else 40.0) for at in night]
    (row,) = rows(asked(seen), "indicator=noise&thing=mic-1&size=day", midnight, midnight + DAY)
    assert row["share_night"] == "1.0"
    assert float(row["lnight"]) == pytest.approx(90 - 10 * log10(hours), abs=0.01)


def test_means_that_reach_over_the_end_count_the_same_in_a_day_alone_and_among_others(asked: Asked) -> None:
    running = Series("air-1", "no2", DAY)
    seen = [Observation(running, MONDAY + at * HOUR, float(at)) for at in range(-24, 97)]
    client = asked(seen)
    question = f"indicator=air&thing=air-1&size=day&period={DAY}"
    alone = rows(client, question, MONDAY + DAY, MONDAY + 2 * DAY)
    assert alone == rows(client, question, MONDAY, MONDAY + 3 * DAY)[1:2]


def test_who_came_at_midnight_came_though_it_was_not_known_what_was_before(asked: Asked) -> None:
    said = [(-5 * HOUR, "free"), (-4 * HOUR, "unknown"), (-3 * HOUR, "unknown"), (0, "occupied")]
    client = asked(Observation(SPOT, MONDAY + at, state) for at, state in said)
    (row,) = rows(client, "indicator=parking&thing=spot-1&size=day")
    assert (row["arrivals"], row["occupied"]) == ("1", str(DAY))


def test_what_was_known_at_noon_knows_no_afternoon(asked: Asked) -> None:
    client = asked([Observation(SPOT, MONDAY + 11 * HOUR, "occupied")])
    (row,) = rows(client, f"indicator=parking&thing=spot-1&size=day&as_of={MONDAY + 12 * HOUR}")
    assert (row["occupied"], row["unknown"]) == (str(HOUR), str(11 * HOUR))


def test_of_several_periods_of_a_thing_the_longest_up_to_an_hour_is_taken(asked: Asked) -> None:
    seconds = Series("mic-1", "laeq", 1000)
    seen = [Observation(one, MONDAY + at, 60.0) for one in (NOISE, seconds) for at in range(QUARTER, DAY, QUARTER)]
    client = asked(seen)
    assert [row["period"] for row in rows(client, "indicator=noise&size=day")] == [str(QUARTER)]
    assert [row["period"] for row in rows(client, "indicator=noise&size=day&period=1000")] == ["1000"]


def test_fifty_years_of_one_observation_are_one_row(asked: Asked) -> None:
    client = asked([Observation(AIR, MONDAY + HOUR, 20.0), Observation(NOISE, MONDAY + HOUR, 20.0)])
    for name, size in (("air", "year"), ("air", "day"), ("noise", "year"), ("noise", "day")):
        assert len(rows(client, f"indicator={name}&size={size}", MONDAY - 18_000 * DAY, MONDAY + DAY)) == 1


SEEN = [
    *hourly([float(at) for at in range(25)]),
    *(Observation(NOISE, MONDAY + at, 60.0) for at in range(QUARTER, 2 * DAY, QUARTER)),
    *(Observation(AIR, MONDAY + at, 20.0) for at in range(HOUR, 2 * DAY, HOUR)),
    Observation(SPOT, MONDAY, "occupied"),
]


@pytest.mark.parametrize("indicator", INDICATORS.values(), ids=list(INDICATORS))
def test_every_indicator_says_the_same_in_every_format(asked: Asked, indicator: Indicator) -> None:
    client = asked(SEEN)
    question = f"indicator={indicator.name}&size=day&from={MONDAY}&to={MONDAY + DAY}"
    (row,) = client.get(f"/api/indicators.rows.json?{question}").json()
    assert row.pop("time") == "2026-11-22T23:00:00Z"
    assert set(indicator.columns) <= set(row)
    (block,) = client.get(f"/api/indicators.json?{question}").json()["blocks"]
    assert {name: one[0] if isinstance(one, list) else one for name, one in block.items()} == row
    table = pl.read_parquet(io.BytesIO(client.get(f"/api/indicators.parquet?{question}").content))
    assert table.to_dicts() == [row]
    (text,) = csv.DictReader(io.StringIO(client.get(f"/api/indicators.csv?{question}").text))
    assert set(text) == set(row)


@pytest.mark.parametrize("extension", ["json", "rows.json", "csv", "arrow", "parquet"])
def test_indicators_come_in_every_format(asked: Asked, extension: str) -> None:
    client = asked(hourly([float(at) for at in range(25)], HEAT))
    question = f"indicator=consumption&quantity=heat_energy&size=hour&from={MONDAY}&to={MONDAY + DAY}"
    answer = client.get(f"/api/indicators.{extension}?{question}")
    assert answer.status_code == 200
    if extension == "parquet":
        assert pl.read_parquet(io.BytesIO(answer.content))["amount"].to_list() == [1.0] * 24
    elif extension == "rows.json":
        assert [row["amount"] for row in answer.json()] == [1.0] * 24
    assert client.head(f"/api/indicators.{extension}?{question}").status_code == 200


def test_a_correction_changes_what_was_consumed_and_as_of_does_not_know_it(asked: Asked, tmp_path: Path) -> None:
    city = open_city(INVENTORY, tmp_path / "corrected", "duckdb:x.duckdb")
    city.registry.see([WATER])
    city.store.add(Batch.of(city.store.table, hourly([1.0, 2.0, 3.0])), MONDAY + DAY)
    city.store.add(Batch.of(city.store.table, [Observation(WATER, MONDAY + 2 * HOUR, 4.0)]), MONDAY + 2 * DAY)
    question = "indicator=consumption&thing=water-1&size=day"
    client = client_of(city)
    assert [row["amount"] for row in rows(client, question)] == ["3.0"]
    assert [row["amount"] for row in rows(client, f"{question}&as_of={MONDAY + DAY}")] == ["2.0"]
    city.close()


@pytest.mark.parametrize(
    ("question", "status", "said"),
    [
        ("indicator=smell&size=day", 422, "indicator"),
        ("indicator=noise&size=hour", 400, "size: noise comes by day month year, got hour"),
        ("indicator=noise&size=day&quantity=no2", 400, "quantity: noise is of a sound level, as laeq, not of no2"),
        ("indicator=night_flow&size=day&quantity=heat_energy", 400, "a counter in m3"),
        ("indicator=consumption&size=day&quantity=watr", 400, "quantity: watr"),
        ("indicator=consumption&size=day&thing=water-9", 404, "water-9"),
        ("indicator=consumption&size=day&center=nowhere", 400, "center"),
        ("indicator=consumption&size=week", 422, "size"),
        ("indicator=consumption&size=day&colour=red", 422, "colour"),
        (f"indicator=consumption&size=day&to={MONDAY}", 400, "to: expected more than from"),
        (f"indicator=consumption&size=quarter&to={MONDAY + 500 * DAY}", 400, "at most 40000 windows"),
        (f"indicator=air&size=year&to={MONDAY + 20_000 * DAY}", 400, "to: at most 50 years after from"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(asked: Asked, question: str, status: int, said: str) -> None:
    to = "" if "to=" in question else f"&to={MONDAY + DAY}"
    answer = asked(hourly([1.0, 2.0])).get(f"/api/indicators.csv?from={MONDAY}{to}&{question}")
    assert (answer.status_code, said in answer.text) == (status, True), answer.text


def test_too_many_observations_of_one_series_are_refused(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_READ", 20)
    question = f"indicator=consumption&thing=water-1&size=day&from={MONDAY}&to={MONDAY + DAY}"
    answer = asked(hourly([float(at) for at in range(25)])).get(f"/api/indicators?{question}")
    said = "to: over 20 observations of water_volume of one thing: ask for less time"
    assert (answer.status_code, answer.json()["message"]) == (400, said)


def test_what_is_too_much_is_refused_before_the_first_byte(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_READ", 30)
    monkeypatch.setattr(bulk, "WHOLE", 10)
    few, many = hourly([float(at) for at in range(25)]), hourly([float(at) for at in range(40)], EXCHANGED)
    answer = asked([*few, *many]).get(
        f"/api/indicators?indicator=consumption&size=hour&from={MONDAY}&to={MONDAY + DAY}"
    )
    assert answer.status_code == 400
