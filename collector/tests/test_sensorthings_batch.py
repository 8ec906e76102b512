"""Is a batch what its requests would be one by one? What they create, whose they are, and how much of them there is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import Request
from fastapi.testclient import TestClient

from collector.access.asker import ANYONE, Asker
from collector.api import batches
from collector.api.app import Rules, create_app
from collector.city import City
from collector.tests.asking import SUPERVISOR, client_of
from collector.tests.koper import open_koper

SENSOR = {"name": "DS18B20", "description": "of the water", "encodingType": "text/plain", "metadata": "a sheet"}


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    city = open_koper(tmp_path / "koper", "memory:")
    yield city
    city.store.close()


def batch(client: TestClient, *requests: dict[str, Any], prefer: str = "") -> list[Any]:
    answer = client.post("/v1.1/$batch", json={"requests": list(requests)}, headers={"prefer": prefer})
    assert answer.status_code == 200, answer.text
    return answer.json()["responses"]


def test_what_is_created_has_a_location_and_can_be_spoken_of(city: City) -> None:
    with client_of(city) as client:
        created, renamed, found, described = batch(
            client,
            {"id": "new", "method": "post", "url": "Sensors", "body": SENSOR},
            {"id": "2", "method": "patch", "url": "$new", "body": {"name": "Thermometer"}},
            {"id": "3", "method": "get", "url": "$new/name"},
            {"id": "4", "method": "patch", "url": "Datastreams(2)", "body": {"Sensor": {"@iot.id": "$new"}}},
        )
        assert created["status"] == 201
        assert created["location"] == created["body"]["@iot.selfLink"]
        assert (renamed["status"], found["body"]) == (200, {"name": "Thermometer"})
        assert described["status"] == 200, described
        assert client.get("/v1.1/Datastreams(2)/Sensor/name").json() == {"name": "Thermometer"}
        assert client.get(created["location"]).json()["name"] == "Thermometer"


def test_nothing_behind_an_error_is_done(city: City) -> None:
    with client_of(city) as client:
        before = client.get("/v1.1/Sensors?$count=true&$top=0").json()["@iot.count"]
        wrong, left = batch(
            client,
            {"id": "1", "method": "post", "url": "Sensors", "body": {**SENSOR, "colour": "red"}},
            {"id": "2", "method": "post", "url": "Sensors", "body": SENSOR},
        )
        assert (wrong["status"], left["status"]) == (400, 424)
        assert client.get("/v1.1/Sensors?$count=true&$top=0").json()["@iot.count"] == before


def test_a_group_of_several_is_refused_before_any_of_it_is_done(city: City) -> None:
    with client_of(city) as client:
        before = client.get("/v1.1/Sensors?$count=true&$top=0").json()["@iot.count"]
        group = {"method": "post", "url": "Sensors", "body": SENSOR, "atomicityGroup": "both"}
        answers = batch(client, {"id": "1", **group}, {"id": "2", **group}, prefer="continue-on-error")
        assert [one["status"] for one in answers] == [501, 501]
        assert client.get("/v1.1/Sensors?$count=true&$top=0").json()["@iot.count"] == before


def test_each_request_is_that_of_whoever_sent_the_batch(city: City) -> None:
    asked: list[str] = []

    async def identify(request: Request) -> Asker:
        asked.append(request.scope["path"])
        return SUPERVISOR if request.headers.get("authorization") == "Bearer of the supervisor" else ANYONE

    with TestClient(create_app(city, Rules(identify))) as client:
        request = {"id": "1", "method": "post", "url": "Sensors", "body": SENSOR}
        assert batch(client, request)[0]["status"] == 401
        client.headers["authorization"] = "Bearer of the supervisor"
        assert batch(client, request)[0]["status"] == 201
    assert asked == ["/v1.1/$batch", "/v1.1/Sensors"] * 2  # each went through the gate itself


def test_headers_of_one_request_are_its_own(city: City) -> None:
    with client_of(city) as client:
        (answer,) = batch(
            client,
            {
                "id": "1",
                "method": "PATCH",
                "url": "Things(5)",
                "headers": {"Content-Type": "application/json-patch+json"},
                "body": [{"op": "add", "path": "/properties/colour", "value": "red"}],
            },
        )
        assert answer["status"] == 200, answer  # it was understood as a patch: a merge would refuse a list
        found = client.get("/v1.1/Things?$filter=properties/colour eq 'red'").json()["value"]
        assert [one["@iot.id"] for one in found] == [5]


def test_answers_are_bounded(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "MOST_ANSWERED", 1000)
    with client_of(city) as client:
        several = [{"id": str(number), "method": "get", "url": "Datastreams"} for number in range(3)]
        answers = batch(client, *several, prefer="continue-on-error")
        assert [one["status"] for one in answers] == [200, 413, 413]


def test_a_body_is_bounded_and_not_deep(city: City) -> None:
    headers = {"content-type": "application/json"}
    with client_of(city) as client:
        large = client.post("/v1.1/$batch", content=b" " * (1 << 20) + b" ", headers=headers)
        assert large.status_code == 413
        deep = '{"requests":[{"id":"1","method":"post","url":"Things","body":' + "[" * 500 + "]" * 500 + "}]}"
        answer = client.post("/v1.1/$batch", content=deep, headers=headers)
        assert answer.status_code == 400
        assert "levels deep" in answer.json()["message"]
        answer = client.post("/v1.1/$batch", content="[" * 100_000, headers=headers)
        assert answer.status_code == 400
