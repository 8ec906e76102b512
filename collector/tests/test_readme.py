"""The README names every key there is, and none that is not."""

import re
import subprocess
import sys
from pathlib import Path

from pydantic import BaseModel

from collector.config import CollectorConfig

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
    table = [line.split("|")[1] for line in README.splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`([a-z_.]+)`", " ".join(table))) == keys_of(CollectorConfig)


def test_every_store_is_named() -> None:
    stores = {file.stem for file in (Path(__file__).parents[1] / "stores").glob("[a-z]*.py")}
    assert {name for name in stores if f"`{name}:" in README} == stores


def test_the_bench_prints_its_options() -> None:
    shown = subprocess.run([sys.executable, "-m", "collector.bench", "--help"], check=True, capture_output=True)
    assert b"--messages" in shown.stdout
