"""What was just read is given again while nothing has changed, and is bounded."""

from pathlib import Path

import pyarrow as pa
import pytest

from collector.access.asker import ANYONE
from collector.city import City, open_city
from collector.entities.inventory import Inventory
from collector.observation import Observation, Series
from collector.series.batch import Batch
from collector.series.columns import columns_of
from collector.series.query import Query
from collector.series.recent import LARGEST, Recent
from collector.tests.asking import client_of

LEVEL = Series("wm-1", "level")


@pytest.fixture(params=["memory:", "duckdb:observations.duckdb"])
def city(request: pytest.FixtureRequest, tmp_path: Path) -> City:
    names = dict.fromkeys(("sl", "it", "en"), "a")
    several = [{"id": one, "name": names, "center": "environment"} for one in ("wm-1", "wm-2")]
    return open_city(Inventory.model_validate({"city": "koper", "thing": several}), tmp_path, request.param)


def add(city: City, *at: int, series: Series = LEVEL) -> None:
    city.registry.see((series,))
    city.store.add(Batch.of(city.store.table, [Observation(series, one, float(one)) for one in at]), 1)


def test_what_has_not_changed_is_read_once_in_every_format(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    client = client_of(city, ANYONE)
    opened = []
    was = city.store.open_columns
    monkeypatch.setattr(city.store, "open_columns", lambda query: opened.append(query) or was(query))

    def values(extension: str = "json") -> list[float]:
        answer = client.get(f"/api/series.{extension}?thing=wm-1&quantity=level")
        assert answer.status_code == 200
        if extension == "arrow":
            return list(pa.ipc.open_stream(answer.content).read_all()["value"].to_pylist())
        found: list[float] = answer.json()["blocks"][0]["value"]
        return found

    add(city, 1, 2)
    assert [values(one) for one in ("json", "arrow", "json")] == [[1, 2]] * 3
    assert len(opened) == 1
    add(city, 5, series=Series("wm-2", "level"))
    values()
    assert len(opened) == 1
    add(city, 3)
    assert values("arrow") == [1, 2, 3]
    add(city, 3)  # a repetition changes nothing
    values()
    assert len(opened) == 2
    city.recent.forget()
    assert values() == [1, 2, 3]
    assert len(opened) == 3


def test_another_question_is_another_answer(city: City) -> None:
    add(city, 1, 2, 3)
    client = client_of(city, ANYONE)
    for limit in (1, 2, 1, 3, 2):
        answer = client.get(f"/api/series.json?thing=wm-1&quantity=level&limit={limit}")
        assert len(answer.json()["blocks"][0]["at"]) == limit


def test_of_one_whose_every_look_is_logged_nothing_is_kept(city: City) -> None:
    add(city, 1, 2)
    client_of(city).get("/api/series.json?thing=wm-1&quantity=level")
    assert city.recent.bytes == 0


def batches(count: int) -> list[object]:
    return [columns_of(LEVEL, [Observation(LEVEL, at, 0.0) for at in range(count)])]


def test_the_longest_unasked_makes_room() -> None:
    recent = Recent(most_bytes=100_000)
    queries = [Query(LEVEL, limit=limit) for limit in range(1, 30)]
    for query in queries:
        recent.keep(query, 1, batches(200))
        recent.find(queries[0], 1)
    assert recent.bytes <= 100_000
    assert recent.find(queries[0], 1) is not None
    assert recent.find(queries[1], 1) is None
    assert recent.find(queries[-1], 1) is not None
    for query in queries:
        recent.find(query, 2)
    assert recent.bytes == 0


def test_what_is_too_large_is_not_kept() -> None:
    recent = Recent()
    recent.keep(Query(LEVEL), 1, batches(LARGEST // 20))
    assert (recent.bytes, recent.find(Query(LEVEL), 1)) == (0, None)
