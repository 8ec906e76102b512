"""Who may say and hear what? Written for both brokers from what was issued, and a running one hears of it."""

import sys
from pathlib import Path

from provisioning import broker
from provisioning.inventory import Inventory


def write_rights(directory: Path, mqtt_port: int | None = None) -> None:
    city = Inventory(directory / "inventory.toml").city
    broker.write(directory, city, mqtt_port or broker.port_of(directory))
    process = broker.reload(directory)
    said = "no broker of this directory is running" if process is None else f"broker {process}: reloaded"
    print(said, file=sys.stderr)
