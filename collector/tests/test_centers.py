"""Nine centers that differ only by file, and one owner of everything that is observed."""

from pathlib import Path
from shutil import copytree

import pytest

from collector.entities.center import SHIPPED, load_centers
from collector.entities.inventory import CENTERS, ConfigError
from firmware.quantities import QUANTITIES

SHIPPED_CENTERS = load_centers()


def test_koper_has_nine_centers_with_names_in_three_languages() -> None:
    assert len(SHIPPED_CENTERS.names) == 9
    assert tuple(SHIPPED_CENTERS.names) == CENTERS
    for name in SHIPPED_CENTERS.names:
        names = SHIPPED_CENTERS[name].name
        assert len({names.sl, names.it, names.en}) == 3


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_every_quantity_has_one_owner_wherever_it_is_measured(quantity: str) -> None:
    owners = [name for name in SHIPPED_CENTERS.names if quantity in SHIPPED_CENTERS[name].owns]
    assert len(owners) == 1
    for center in SHIPPED_CENTERS.names:
        expected = center if quantity in SHIPPED_CENTERS[center].also_owns else owners[0]
        assert SHIPPED_CENTERS.owner(center, quantity) == expected


def test_a_qualifier_changes_no_owner() -> None:
    assert SHIPPED_CENTERS.owner("energy", "active_power.l1") == "energy"


def test_the_emergency_center_stands_above_all_others() -> None:
    for name in SHIPPED_CENTERS.names:
        assert "emergency" in SHIPPED_CENTERS.above(name)
    assert SHIPPED_CENTERS.above("emergency") == ("emergency",)


REFUSED = {
    "an unknown quantity": (
        "energy",
        "owns = [",
        'owns = ["phlogiston", ',
        "energy.toml: owns: phlogiston: the contract",
    ),
    "two owners": ("energy", "owns = [", 'owns = ["no2", ', "no2 belongs to energy already"),
    "no owner": ("emergency", '"flood_state",', "", "no center owns flood_state"),
    "a child that is not there": (
        "energy",
        "children = []",
        'children = ["moon"]',
        "energy.toml: children: there is no center moon",
    ),
    "a parent that does not know": (
        "energy",
        "children = []",
        'children = ["living"]',
        "living.toml does not name energy",
    ),
    "an unknown key": ("energy", "children = []", "children = []\ncolour = 1", "energy.toml: colour: unknown key"),
    "a place off the world": ("energy", "[13.66, 45.60]", "[213.66, 45.60]", "energy.toml: area.0.0"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_scope_file_that_cannot_be_used_is_refused_by_name(case: str, tmp_path: Path) -> None:
    name, before, after, message = REFUSED[case]
    folder = copytree(SHIPPED, tmp_path / "centers")
    file = folder / f"{name}.toml"
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after, 1))
    with pytest.raises(ConfigError, match=message.replace(".", r"\.")):
        load_centers(folder)


def test_a_folder_without_centers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no center is here"):
        load_centers(tmp_path)
