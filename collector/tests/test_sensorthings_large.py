"""Does a question about one datastream and a stretch of time cost the same, when ten million observations are kept?"""

import resource
import time
from collections.abc import Iterator, Sequence
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from collector.city import open_city
from collector.entities.inventory import Inventory
from collector.observation import Series
from collector.series.batch import Batch
from collector.tests.asking import client_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("large")]

T = 1_793_577_600_000  # 2026-11-02T00:00:00Z
STEP = 10_000  # ms between two observations of a datastream
DATASTREAMS = 100
SMALL, LARGE = 100_000, 10_000_000
ROUNDS_IN_BATCH = 5_000
INVENTORY = Inventory.model_validate(
    {
        "city": "koper",
        "thing": [
            {
                "id": f"air-{number:04}",
                "name": dict.fromkeys(("sl", "it", "en"), f"Air {number}"),
                "center": "environment",
                "openness": "open",
            }
            for number in range(DATASTREAMS)
        ],
    }
)


def client_with(folder: Path, count: int) -> TestClient:
    """All datastreams measure at every step, as a city does; the value of step n is n % 1000 / 10."""
    city = open_city(INVENTORY, folder, "duckdb:observations.duckdb")
    table = city.store.table
    several = [Series(thing.id, "temperature") for thing in INVENTORY.thing]
    city.registry.see(several)
    numbers = np.array([table.number_of(one) for one in several], np.int32)
    rounds = count // DATASTREAMS
    for first in range(0, rounds, ROUNDS_IN_BATCH):
        steps = np.repeat(np.arange(first, min(first + ROUNDS_IN_BATCH, rounds)), DATASTREAMS)
        series = np.tile(numbers, len(steps) // DATASTREAMS)
        city.store.add(Batch(table, series, T + steps * STEP, steps % 1000 / 10), T)
    return client_of(city)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with client_with(tmp_path_factory.mktemp("small"), SMALL) as client:
        yield client


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with client_with(tmp_path_factory.mktemp("large"), LARGE) as client:
        yield client


def ask(client: TestClient, path: str) -> Any:
    answer = client.get("/v1.1" + path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def seconds(several: Sequence[TestClient], path: str) -> list[float]:
    """What the quickest of nine answers of each took. They are asked in turn, and what the machine does hits all."""
    quickest = [inf] * len(several)
    for _ in range(9):
        for place, client in enumerate(several):
            started = time.perf_counter()
            ask(client, path)
            quickest[place] = min(quickest[place], time.perf_counter() - started)
    return quickest


# steps 360 to 377, an hour after the beginning, which both stores hold
WINDOW = "phenomenonTime ge 2026-11-02T01:00:00Z and phenomenonTime lt 2026-11-02T01:03:00Z"
BOTH = {
    "by datastream and time": f"/Observations?$filter=Datastream/id eq 7 and {WINDOW}",
    "by thing and time": f"/Observations?$filter=Datastream/Thing/properties/id eq 'air-0006' and {WINDOW}",
    "of a datastream by time": f"/Datastreams(7)/Observations?$filter={WINDOW}",
    "by time, and sifted": f"/Datastreams(7)/Observations?$filter={WINDOW} and result gt 36.5 and floor(result) eq 36",
    "by id": f"/Observations?$filter=id eq '7-{T + 360 * STEP}'",
    "counted": f"/Datastreams(7)/Observations?$count=true&$top=1&$filter={WINDOW}",
}


@pytest.mark.parametrize("name", BOTH)
def test_a_hundred_times_as_many_do_not_make_it_slower(small: TestClient, large: TestClient, name: str) -> None:
    path = BOTH[name]
    answer = ask(large, path)
    assert answer["value"]
    assert answer["value"] == ask(small, path)["value"]
    few, many = seconds((small, large), path)
    print(f"{name}: {few * 1000:.1f} ms of {SMALL:,}, {many * 1000:.1f} ms of {LARGE:,}")  # noqa: T201  # a figure
    # A scan of all would be a hundred times as much; six times, and a little for a machine that does other things too.
    assert many < 6 * few + 0.02


def test_what_is_found_is_what_was_kept(large: TestClient) -> None:
    answer = ask(large, f"/Observations?$count=true&$filter=Datastream/id eq 7 and {WINDOW}")
    assert answer["@iot.count"] == 18
    assert [one["result"] for one in answer["value"]] == [step % 1000 / 10 for step in range(360, 378)]


def test_an_order_of_one_datastream_is_that_of_the_store_however_it_is_named(large: TestClient) -> None:
    for named in ("Datastream/id eq 7", "Datastream/Thing/properties/id eq 'air-0006'"):
        answer = ask(large, f"/Observations?$filter={named}&$orderby=phenomenonTime desc&$skip=50000&$top=1")
        assert [one["@iot.id"] for one in answer["value"]] == [f"7-{T + (99_999 - 50_000) * STEP}"]


def test_what_must_be_sifted_is_never_all_in_memory(large: TestClient) -> None:
    """100,000 observations of a datastream pass by, and some megabytes are taken."""
    ask(large, "/Datastreams(7)/Observations?$filter=floor(result) eq 3&$top=1")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = ask(large, "/Datastreams(7)/Observations?$filter=floor(result) eq 3&$top=1&$count=true")
    assert answer["@iot.count"] == LARGE // DATASTREAMS // 100
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KB


def test_the_newest_of_all_datastreams_are_found_without_reading_them(large: TestClient) -> None:
    answer = ask(large, "/Observations?$orderby=phenomenonTime desc&$top=100&$select=phenomenonTime")
    newest = "2026-11-13T13:46:30.000Z"  # 99,999 steps of 10 s after the beginning
    assert {one["phenomenonTime"] for one in answer["value"]} == {newest}
