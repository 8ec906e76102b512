from pathlib import Path

import pytest

from provisioning import ProvisionError
from provisioning.inventory import Inventory, Thing

SPOT = Thing("spot-0002", {"sl": "Mesto »2«", "it": "Posto 2", "en": 'Spot "2"'}, (13.73, 45.54), "mobility")


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    return Inventory.create(tmp_path / "inventory.toml", "koper")


def test_what_is_added_is_read_back(inventory: Inventory) -> None:
    inventory.add_thing(SPOT)
    inventory.add_publisher("park-0002", "node", ["spot-0002"])
    again = Inventory(inventory.path)
    assert again.city == "koper"
    assert again.ids("thing") == {"spot-0002"}
    assert again.ids("publisher") == {"park-0002"}


def test_comments_of_people_survive(inventory: Inventory) -> None:
    with inventory.path.open("a") as file:
        file.write("# mounted on the north side\n")
    inventory.add_thing(SPOT)
    assert "# mounted on the north side" in inventory.path.read_text()


def test_an_entry_is_added_once(inventory: Inventory) -> None:
    inventory.add_thing(SPOT)
    with pytest.raises(ProvisionError, match="thing spot-0002: stands in the inventory already"):
        inventory.add_thing(SPOT)
    inventory.add_publisher("park-0002", "node", [])
    with pytest.raises(ProvisionError, match="publisher park-0002: stands in the inventory already"):
        inventory.add_publisher("park-0002", "node", [])


def test_a_publisher_of_an_unknown_thing_is_refused(inventory: Inventory) -> None:
    with pytest.raises(ProvisionError, match="publisher park-0003: unknown thing spot-0009"):
        inventory.add_publisher("park-0003", "node", ["spot-0009"])


def test_an_unknown_center_and_a_missing_language_are_refused(inventory: Inventory) -> None:
    with pytest.raises(ProvisionError, match="thing spot-0002: center 'moon': expected one of governance"):
        inventory.add_thing(SPOT._replace(center="moon"))
    with pytest.raises(ProvisionError, match="thing spot-0002: name: missing in it"):
        inventory.add_thing(SPOT._replace(names={"sl": "a", "en": "b"}))


def test_a_bad_id_is_refused(inventory: Inventory) -> None:
    with pytest.raises(ProvisionError, match="'Spot 2': thing: expected 1 to 64"):
        inventory.add_thing(SPOT._replace(id="Spot 2"))


def test_no_inventory_and_broken_inventory_are_said(tmp_path: Path) -> None:
    with pytest.raises(ProvisionError, match="no inventory here"):
        Inventory(tmp_path / "inventory.toml")
    (tmp_path / "inventory.toml").write_text("city = ")
    with pytest.raises(ProvisionError, match=r"inventory\.toml: Invalid value"):
        Inventory(tmp_path / "inventory.toml")
