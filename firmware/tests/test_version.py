"""The version a node tells is the version of the distribution."""

import tomllib
from pathlib import Path

from firmware import VERSION


def test_the_node_tells_the_version_of_the_distribution() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["version"] == VERSION
