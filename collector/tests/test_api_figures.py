"""Figures over windows by HTTP."""

import csv
import io
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from collector.analysis.windows import HOUR
from collector.city import City, open_city
from collector.observation import Observation, Series
from collector.series.batch import Batch
from collector.tests.asking import client_of
from collector.tests.test_ingest import inventory

T = 1_795_392_000_000  # 2026-11-23 01:00 in Koper
DAY = 24 * HOUR


@pytest.fixture
def city(tmp_path: Path) -> City:
    city = open_city(inventory("mic-1", "mic-2"), tmp_path, "memory:")
    several = [
        Observation(Series(thing, "laeq", 1000), T + at * 1000, level + at % 10, "suspect" if at == 7 else "")
        for thing, level in (("mic-1", 50.0), ("mic-2", 60.0))
        for at in range(1, 7201)
    ]
    city.registry.see(one.series for one in several)
    city.store.add(Batch.of(city.store.table, several), T)
    return city


@pytest.fixture
def client(city: City) -> TestClient:
    return client_of(city)


def ask(client: TestClient, query: str) -> list[dict[str, str]]:
    answer = client.get(f"/api/figures.csv?quantity=laeq&period=1000&from={T}&to={T + 1}&{query}")
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_an_hour_of_each_thing_has_its_figures(client: TestClient) -> None:
    first, second = ask(client, "size=hour&percentiles=10,90")
    assert (first["thing"], second["thing"]) == ("mic-1", "mic-2")
    assert (first["begin"], first["end"], first["local"]) == (str(T), str(T + HOUR), "2026-11-23T01:00+01:00")
    assert (first["count"], first["suspect"]) == ("3599", "1")
    assert (first["minimum"], first["maximum"], first["p10"], first["p90"]) == ("50.0", "59.0", "50.0", "59.0")
    assert float(first["mean"]) == pytest.approx((sum(range(10)) * 360 - 7) / 3599 + 50)
    assert float(first["energy_mean"]) > float(first["mean"])


def test_the_city_together_is_one_row_a_window(client: TestClient) -> None:
    (row,) = ask(client, "size=day&together=true")
    assert (row["thing"], row["count"], row["minimum"], row["maximum"]) == ("", "14398", "50.0", "69.0")


def test_only_the_things_named_are_counted(client: TestClient) -> None:
    assert [row["thing"] for row in ask(client, "size=month&thing=mic-2")] == ["mic-2"]


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("size=week", 422, "size"),
        ("size=hour&percentiles=ten", 422, "percentiles"),
        ("size=hour&percentiles=101", 400, "percentiles"),
        ("size=hour&percentiles=" + "1," * 21, 422, "at most 20"),
        ("size=hour&thing=mic-9", 404, "mic-9"),
        ("size=hour&colour=red", 422, "colour"),
        ("size=hour&together=perhaps", 422, "together"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(client: TestClient, query: str, status: int, said: str) -> None:
    answer = client.get(f"/api/figures.csv?quantity=laeq&period=1000&from={T}&to={T + 1}&{query}")
    assert answer.status_code == status
    assert said in answer.text


def test_an_unknown_quantity_is_refused(client: TestClient) -> None:
    answer = client.get(f"/api/figures.csv?quantity=laek&size=hour&from={T}&to={T + 1}")
    assert (answer.status_code, "laek" in answer.text) == (400, True)


def test_a_range_of_ages_is_refused(client: TestClient) -> None:
    answer = client.get("/api/figures.csv?quantity=laeq&size=month&from=0&to=200000000000000")
    assert (answer.status_code, answer.json()["message"]) == (400, "to: at most 50 years after from")


def test_a_range_that_ends_before_it_begins_is_refused(client: TestClient) -> None:
    answer = client.get(f"/api/figures.csv?quantity=laeq&size=hour&from={T}&to={T}")
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("to: expected more than from")
