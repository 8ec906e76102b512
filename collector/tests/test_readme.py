"""The README names every key there is, and none that is not."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from collector import reader
from collector.api import asked, bulk, events
from collector.city import City
from collector.config import CollectorConfig
from collector.series import feed
from collector.tests import koper
from collector.tests.asking import client_of
from collector.tests.serving import serving

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")


def keys_of(model: type[BaseModel], path: str = "") -> set[str]:
    keys = set()
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            keys |= keys_of(inner, f"{path}{name}.")
        else:
            keys.add(path + name)
    return keys


def test_the_table_of_keys_is_complete() -> None:
    table = [line.split("|")[1] for line in section("Run").splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`([a-z_.]+)`", " ".join(table))) == keys_of(CollectorConfig)


def section(title: str) -> str:
    return README.split(f"## {title}")[1].split("\n## ")[0]


def fenced(language: str) -> str:
    return section("In one call").split(f"```{language}\n")[1].split("```")[0]


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    opened = koper.open_koper(tmp_path, "duckdb:observations.duckdb")
    yield opened
    opened.store.close()


def test_every_question_in_one_call_is_answered(city: City) -> None:
    client = client_of(city)
    lines = fenced("").splitlines()
    assert len(lines) > 5
    for line in lines:
        method, path = line.split()
        answer = client.request(method, path)
        assert (answer.status_code, len(answer.content) > 100) == (200, True), path


def test_the_example_for_analysts_works_as_it_stands(city: City) -> None:
    with serving(city) as url:
        names: dict[str, object] = {"url": url}
        exec(fenced("python"), names)  # noqa: S102  # it is our own
    assert len(names["frame"]) == 21  # type: ignore[arg-type]


def test_the_limits_are_those_of_the_code() -> None:
    text = section("In one call")
    for number in (asked.MOST_NAMED, asked.MOST_SERIES, bulk.MOST_ROWS, bulk.WHOLE, events.MOST_CLIENTS, feed.MOST):
        assert f"{number:,}" in text
    assert f"more than {reader.COLUMNS:,}" in text


def test_every_store_is_named() -> None:
    stores = {file.stem for file in (Path(__file__).parents[1] / "stores").glob("[a-z]*.py")}
    assert {name for name in stores if f"`{name}:" in README} == stores


def test_the_bench_prints_its_options() -> None:
    shown = subprocess.run([sys.executable, "-m", "collector.bench", "--help"], check=True, capture_output=True)
    assert b"--messages" in shown.stdout
