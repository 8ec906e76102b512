"""The API says of every route what it wants and what it answers, and it is true."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from collector.city import City
from collector.tests import koper
from collector.tests.asking import client_of

NEEDED = {"size": "day", "quantity": "temperature", "from": str(koper.T), "to": str(koper.T + koper.DAY)}
BULK = {"text/csv", "application/json", "application/vnd.apache.arrow.stream", "application/vnd.apache.parquet"}
ENDLESS = {"/api/events"}


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    opened = koper.open_koper(tmp_path, "memory:")
    yield opened
    opened.store.close()


@pytest.fixture
def client(city: City) -> TestClient:
    return client_of(city)


@pytest.fixture
def document(client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, one in methods.items():
            yield path, method, one


def test_every_route_documents_what_it_wants_and_answers(document: dict[str, Any]) -> None:
    found = list(operations(document))
    assert len(found) > 20
    for path, method, one in found:
        where = f"{method} {path}"
        assert one["summary"], where
        answers = one["responses"]
        good = [answer for status, answer in answers.items() if status.startswith("2")]
        assert good, where
        for status, answer in answers.items():
            assert answer["description"], f"{where} {status}"
        for status in ("400", "401", "403", "404", "429", "503"):
            assert status in answers, f"{where} {status}"
        for parameter in one.get("parameters", ()):
            assert parameter["schema"], f"{where} {parameter['name']}"
            assert not parameter["name"].lower().startswith("x-"), where
        for name in {part.split(":")[0].strip("}") for part in path.split("{")[1:] if "}" in part}:
            assert name.split("}")[0] in {parameter["name"] for parameter in one["parameters"]}, where


def test_every_parameter_of_the_bulk_routes_is_described(document: dict[str, Any]) -> None:
    for path in ("/api/series", "/api/figures", "/api/last", "/api/events"):
        names = {one["name"] for one in document["paths"][path]["get"]["parameters"]}
        assert names >= {"quantity", "thing"}
        answers = document["paths"][path]["get"]["responses"]
        assert path in ENDLESS or {"206", "304", "406", "416", "501"} <= answers.keys()
        answer = answers["200"]["content"]
        assert set(answer) == ({"text/event-stream"} if path in ENDLESS else BULK)


def test_what_a_route_answers_is_what_it_says(client: TestClient, document: dict[str, Any]) -> None:
    asked = 0
    for path, method, one in operations(document):
        if method != "get" or path in ENDLESS or "{identifier}" in path or "{path}" in path:
            continue
        parameters = {each["name"]: each for each in one.get("parameters", ())}
        for extension in parameters.get("extension", {"schema": {"enum": [""]}})["schema"]["enum"]:
            query = {
                name: NEEDED[name] for name, each in parameters.items() if each["in"] == "query" and name in NEEDED
            }
            answer = client.get(path.replace("{extension}", extension), params=query)
            kind = answer.headers["content-type"].partition(";")[0]
            assert str(answer.status_code) in one["responses"], (path, answer.text)
            assert kind in one["responses"][str(answer.status_code)]["content"], path
            asked += 1
    assert asked > 20


def test_a_refusal_looks_as_it_is_described(client: TestClient, document: dict[str, Any]) -> None:
    wanted = document["components"]["schemas"]["Refusal"]["properties"].keys()
    for path in ("/api/series?center=moon", "/api/series?thing=wm-9", "/api/last?quantity=colour"):
        assert client.get(path).json().keys() == wanted
    assert client.get("/api/last", headers={"Accept": "image/png"}).json().keys() == wanted


def test_the_page_lists_every_route_and_needs_no_network(client: TestClient, document: dict[str, Any]) -> None:
    page = client.get("/api/docs")
    assert page.headers["content-type"].startswith("text/html")
    for path, method, one in operations(document):
        assert f"<code>{method.upper()} {path}</code>" in page.text
        assert one["summary"].replace("'", "&#x27;").replace('"', "&quot;") in page.text
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert "<script" not in page.text
