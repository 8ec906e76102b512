"""A hundred questions and more, and the same answers from every store: memory, DuckDB, InfluxDB 1.6.

What InfluxDB keeps no trace of is left out of the comparison: when a version became known.
"""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from collector.tests.asking import client_of
from collector.tests.koper import open_koper

QUESTIONS = (Path(__file__).parent / "same_answers.txt").read_text("utf-8").splitlines()
ENDLESS = 40  # pages


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory, influx_port: int) -> dict[str, TestClient]:
    urls = {
        "memory": "memory:",
        "duckdb": "duckdb:observations.duckdb",
        "influx": f"influx://127.0.0.1:{influx_port}/same_answers",
    }
    return {name: client_of(open_koper(tmp_path_factory.mktemp(name), url)) for name, url in urls.items()}


def pages(client: TestClient, question: str) -> Iterator[Any]:
    """Every page, as what can be compared."""
    for _ in range(ENDLESS):
        answer = client.get(question)
        assert answer.status_code == 200, (question, answer.text)
        kind = answer.headers["content-type"].partition(";")[0]
        content = answer.json() if "json" in kind else answer.text
        if kind == "text/csv":
            rows = list(csv.DictReader(io.StringIO(answer.text)))
            content = [{key: text for key, text in row.items() if key != "known"} for row in rows]
        yield without_known(content)
        if not isinstance(content, dict) or "@iot.nextLink" not in content:
            return
        question = content["@iot.nextLink"].removeprefix("http://testserver")
    pytest.fail(f"{question}: over {ENDLESS} pages")


def without_known(content: Any) -> Any:
    if isinstance(content, dict):
        if "components" in content and "resultTime" in content["components"]:
            place = content["components"].index("resultTime")
            rows = [[one for at, one in enumerate(row) if at != place] for row in content["dataArray"]]
            content = {**content, "dataArray": rows}
        return {key: without_known(one) for key, one in content.items() if key not in ("resultTime", "known")}
    return [without_known(one) for one in content] if isinstance(content, list) else content


def test_there_are_a_hundred_questions_and_none_twice() -> None:
    assert len(QUESTIONS) == len(set(QUESTIONS)) >= 100


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_store_gives_the_same_answer(clients: dict[str, TestClient], question: str) -> None:
    expected = list(pages(clients["memory"], question))
    assert question.endswith("$value") or len(json.dumps(expected)) > 30, "an answer that says something"
    for name in ("duckdb", "influx"):
        assert list(pages(clients[name], question)) == expected, name


def test_what_was_known_then_is_refused_with_the_reason_where_it_is_not_kept(clients: dict[str, TestClient]) -> None:
    question = (
        "/api/indicators.csv?indicator=consumption&size=day&from=1793577600000&to=1795392000000&as_of=1796342400000"
    )
    answer = clients["influx"].get(question)
    assert (answer.status_code, "keeps no known time" in answer.text) == (501, True), answer.text
    assert clients["duckdb"].get(question).status_code == 200
