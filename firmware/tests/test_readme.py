"""The settings in the README are settings that a node takes."""

from pathlib import Path

from firmware import node_json
from firmware.nodes import parking

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")


def test_the_settings_of_the_readme_are_taken(tmp_path: Path) -> None:
    node = tmp_path / "node.json"
    node.write_text(README.split("```json\n")[1].split("```")[0], "utf-8")
    loaded = node_json.load(str(node))
    assert set(node_json.of_kind(loaded, parking.KEYS, parking.OPTIONAL)) == set(parking.OPTIONAL)
    assert loaded["publisher"] == "park-0001"


def test_every_file_the_readme_names_is_there() -> None:
    root = Path(__file__).parents[2]
    command = README.split("```sh\n")[1].split("```")[0].split()
    assert [path for path in command[1:] if not (root / path).exists()] == []
