"""Does the collector do what SensorThings 1.1 (18-088) requires? Every line of ``conformance/*.jsonl`` is one case.

A line is ``{"id", "requirement", "fixture", "method", "path", "expect"}``, and may have more. ``fixture`` is ``koper``
(shared, read only, on each store) or ``writable`` (the same city anew for this case, in memory). ``path`` begins behind
``/v1.1``; ``body`` and ``headers`` go with it. ``{T}`` is the first instant of ``koper.py`` in ms, ``{root}`` the
address of ``/v1.1``, and ``{location}`` the path of what was created last. ``before`` and ``after`` are lists of
requests of the same shape, each with an ``expect`` of its own or none, and without one nothing but a status under 400
is expected. ``needs`` is "known times" where the expectation speaks of these, which InfluxDB does not keep.

``expect`` holds one or more of these, and any other key fails the case:

- ``status``: 200 where it is absent; ``type``: the media type; ``text``: the whole body as text
- ``message``: a part of the refusal's text
- ``ids``, ``names``: those of ``value``, in order; ``set``: the ids of ``value``, in any order
- ``size``: how many stand in ``value``; ``count``: ``@iot.count``; ``next``: whether there is an ``@iot.nextLink``
- ``all``: the ids of every page, following the links to the end
- ``value``: {place: what stands there}, where a place is keys and indices joined by ``|``, as ``value|0|name``
- ``absent``: places where nothing stands; ``keys``: {place: all its keys, in any order}; ``headers``: {name: text}
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from fastapi.testclient import TestClient

from collector.sensorthings.conformance import CONFORMANCE
from collector.tests.asking import client_of
from collector.tests.koper import T, open_koper

FOLDER = Path(__file__).parent / "conformance"
CASES = [
    json.loads(line) for file in sorted(FOLDER.glob("*.jsonl")) for line in file.read_text("utf-8").splitlines() if line
]
CASE_KEYS = {"id", "requirement", "fixture", "method", "path", "body", "headers", "needs", "before", "after", "expect"}
REQUEST_KEYS = {"method", "path", "body", "headers", "expect"}
NOTHING = object()


class Served(NamedTuple):
    client: TestClient
    knows_times: bool


class Session:
    """Requests of one case, which may speak of what the one before has created."""

    def __init__(self, client: TestClient) -> None:
        self._client = client
        self._words = {"{T}": str(T), "{root}": "http://testserver/v1.1"}

    def ask(self, asked: dict[str, Any]) -> Any:
        body = self._filled(json.dumps(asked["body"])) if "body" in asked else None
        headers = asked.get("headers", {"content-type": "application/json"} if body is not None else {})
        path = "/v1.1" + self._filled(asked["path"])
        answer = self._client.request(asked.get("method", "GET"), path, content=body, headers=headers)
        if location := answer.headers.get("location"):
            self._words["{location}"] = location.partition("/v1.1")[2]
        return answer

    def filled(self, value: Any) -> Any:
        """The words of an expectation filled in too."""
        return json.loads(self._filled(json.dumps(value)))

    def pages(self, answer: Any) -> list[Any]:
        found = list(answer["value"])
        while "@iot.nextLink" in answer:
            answer = self._client.get(answer["@iot.nextLink"]).json()
            assert answer["value"], "a link led to an empty page"
            found += answer["value"]
        return found

    def _filled(self, text: str) -> str:
        for word, value in self._words.items():
            text = text.replace(word, value)
        assert not re.search(r"\{(location|root|T)\}", text), text
        return text


@pytest.fixture(scope="module", params=["memory", "duckdb", "influx"])
def koper(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    urls = {"memory": "memory:", "duckdb": "duckdb:observations.duckdb"}
    url = urls.get(request.param) or f"influx://127.0.0.1:{request.getfixturevalue('influx_port')}/conformance"
    city = open_koper(tmp_path_factory.mktemp("koper"), url)
    with client_of(city) as client:
        yield Served(client, city.store.keeps_versions)
    city.store.close()


@pytest.fixture
def writable(tmp_path: Path) -> Iterator[TestClient]:
    with client_of(open_koper(tmp_path / "koper", "memory:")) as client:
        yield client


def of_fixture(name: str) -> Any:
    several = [case for case in CASES if case["fixture"] == name]
    return pytest.mark.parametrize("case", several, ids=[case["id"] for case in several])


@of_fixture("koper")
def test_what_only_reads_does_as_the_case_says(koper: Served, case: dict[str, Any]) -> None:
    if case.get("needs") == "known times" and not koper.knows_times:
        pytest.skip("this store does not know when an observation became known")
    run(Session(koper.client), case)


@of_fixture("writable")
def test_what_writes_does_as_the_case_says(writable: TestClient, case: dict[str, Any]) -> None:
    run(Session(writable), case)


def run(session: Session, case: dict[str, Any]) -> None:
    assert set(case) <= CASE_KEYS, set(case) - CASE_KEYS
    for step in (*case.get("before", ()), {**case, "id": None}, *case.get("after", ())):
        expected = step.get("expect")
        assert step.get("id", "") is None or set(step) <= REQUEST_KEYS, set(step) - REQUEST_KEYS
        answer = session.ask(step)
        if expected is None:
            assert answer.status_code < 400, answer.text
        else:
            check(session, answer, session.filled(expected))


def check(session: Session, answer: Any, expect: dict[str, Any]) -> None:
    unknown = set(expect) - set(CHECKS) - {"status"}
    assert not unknown, f"expect: unknown {unknown}"
    assert answer.status_code == expect.get("status", 200), answer.text
    for key, wanted in expect.items():
        if key != "status":
            CHECKS[key](session, answer, wanted)


def ids(several: Any) -> list[Any]:
    return [one["@iot.id"] for one in several]


def place(content: Any, path: str) -> Any:
    for part in path.split("|"):
        if isinstance(content, list):
            content = content[int(part)] if part.isdigit() and int(part) < len(content) else NOTHING
        elif isinstance(content, dict):
            content = content.get(part, NOTHING)
        else:
            return NOTHING
    return content


def same(found: Any, wanted: Any) -> None:
    assert found == wanted
    assert isinstance(found, bool) == isinstance(wanted, bool)


def check_type(_session: Session, answer: Any, wanted: str) -> None:
    same(answer.headers["content-type"].partition(";")[0], wanted)


def check_message(_session: Session, answer: Any, wanted: str) -> None:
    assert wanted in answer.json()["message"]


def check_value(_session: Session, answer: Any, wanted: dict[str, Any]) -> None:
    content = answer.json()
    for path, value in wanted.items():
        found = place(content, path)
        assert found is not NOTHING, f"nothing stands at {path}"
        same(found, value)


def check_absent(_session: Session, answer: Any, wanted: list[str]) -> None:
    content = answer.json()
    for path in wanted:
        assert place(content, path) is NOTHING, path


def check_keys(_session: Session, answer: Any, wanted: dict[str, list[str]]) -> None:
    content = answer.json()
    for path, keys in wanted.items():
        assert sorted(place(content, path) if path else content) == sorted(keys)


def check_set(_session: Session, answer: Any, wanted: list[Any]) -> None:
    found = ids(answer.json()["value"])
    assert sorted(found, key=str) == sorted(wanted, key=str)


CHECKS = {
    "type": check_type,
    "message": check_message,
    "value": check_value,
    "absent": check_absent,
    "keys": check_keys,
    "set": check_set,
    "text": lambda _, answer, wanted: same(answer.text, wanted),
    "ids": lambda _, answer, wanted: same(ids(answer.json()["value"]), wanted),
    "names": lambda _, answer, wanted: same([one["name"] for one in answer.json()["value"]], wanted),
    "size": lambda _, answer, wanted: same(len(answer.json()["value"]), wanted),
    "count": lambda _, answer, wanted: same(answer.json()["@iot.count"], wanted),
    "next": lambda _, answer, wanted: same("@iot.nextLink" in answer.json(), wanted),
    "all": lambda session, answer, wanted: same(ids(session.pages(answer.json())), wanted),
    "headers": lambda _, answer, wanted: [same(answer.headers.get(name), text) for name, text in wanted.items()],
}


def test_there_are_many_cases_each_with_a_name_of_its_own() -> None:
    names = [case["id"] for case in CASES]
    assert len(names) == len(set(names))
    assert {case["fixture"] for case in CASES} <= {"koper", "writable"}
    assert all("expect" in case for case in CASES)  # an empty one expects 200


def test_what_is_declared_is_what_the_cases_exercise() -> None:
    assert {case["requirement"] for case in CASES} == set(CONFORMANCE)


@pytest.mark.parametrize(
    "expect",
    [
        {"status": 404},
        {"ids": [2]},
        {"ids": [1.5]},
        {"colour": 1},
        {"size": 2},
        {"count": 1},
        {"next": False},
        {"value": {"value|0|name": "Spot Semedela"}},
        {"value": {"value|1|name": "Bus 1"}},
        {"absent": ["value|0|name"]},
        {"keys": {"value|0": ["name"]}},
        {"text": ""},
        {"type": "text/csv"},
        {"set": [1, 2]},
        {"headers": {"content-type": "text/csv"}},
    ],
)
def test_an_expectation_that_is_not_met_fails(koper: Served, expect: dict[str, Any]) -> None:
    session = Session(koper.client)
    answer = session.ask({"path": "/Things?$top=1&$skip=4&$count=true"})
    with pytest.raises(AssertionError):
        check(session, answer, {**expect})
