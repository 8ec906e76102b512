"""What does a node need before it is flashed? A certificate, its thing in the inventory, and rights on the brokers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from provisioning import ProvisionError
from provisioning.authority import Authority
from provisioning.inventory import Inventory, Thing
from provisioning.rights import write_rights


class NewThings(NamedTuple):
    """Of things that are not in the inventory yet; without a center there may be none."""

    center: str | None
    location: tuple[float, float]


def enrol(directory: Path, settings: Mapping[str, Mapping[str, Any]], new: NewThings) -> list[str]:
    """``settings``: node -> its node.json. Makes what is missing; returns the nodes that got a certificate now."""
    authority, inventory = Authority(directory), Inventory(directory / "inventory.toml")
    unknown = [name for name, one in settings.items() if one["thing"] not in inventory.ids("thing")]
    if unknown and new.center is None:
        things = " ".join(dict.fromkeys(settings[name]["thing"] for name in unknown))
        raise ProvisionError(f"unknown thing {things}: give --center to add it, or add it to inventory.toml")
    closed = [name for name in settings if authority.knows(name) and authority.holder(name) is None]
    if closed:
        raise ProvisionError(f"{' '.join(closed)}: was revoked, and the name stays closed; choose another")
    issued = []
    for name, one in settings.items():
        thing = one["thing"]
        if thing not in inventory.ids("thing") and new.center is not None:
            names = dict.fromkeys(("sl", "it", "en"), thing)
            inventory.add_thing(Thing(thing, names, new.location, new.center))
        if name not in inventory.ids("publisher"):
            inventory.add_publisher(name, "node", [thing])
        if not authority.knows(name):
            authority.issue(name, "node")
            issued.append(name)
    if issued:
        write_rights(directory)
    return issued
