"""What does a city need before its first reading? One directory with an authority, rights, a thing and a collector."""

import json
from pathlib import Path
from typing import NamedTuple

from firmware import contract
from provisioning import ProvisionError, broker
from provisioning.authority import Authority, Role
from provisioning.durable import replace_file
from provisioning.inventory import Inventory, Thing

FIRST_THING = Thing(
    id="spot-0001",
    names={
        "sl": "Parkirno mesto 1, Belveder",
        "it": "Posto auto 1, Belvedere",
        "en": "Parking spot 1, Belveder",
    },
    location=(13.7294, 45.5481),
    center="mobility",
)
FIRST_PUBLISHER = "park-0001"


class Ports(NamedTuple):
    """TCP ports on the loopback."""

    mqtt: int = 8883
    http: int = 8080


def quickstart(  # noqa: PLR0913, PLR0917 - the options of the verb
    directory: Path, city: str, kind: broker.Kind, ports: Ports, store: str, secret: bytes = b""
) -> None:
    """Make what is missing in the directory and change nothing that is there; ``secret`` encrypts a new authority."""
    try:
        contract.check_id("city", city)
    except contract.ContractError as error:
        raise ProvisionError(f"{city!r}: {error}") from None
    directory = directory.resolve()
    authority = Authority.create(directory, city, secret)
    inventory = Inventory.create(directory / "inventory.toml", city)
    if FIRST_THING.id not in inventory.ids("thing"):
        inventory.add_thing(FIRST_THING)
    if FIRST_PUBLISHER not in inventory.ids("publisher"):
        inventory.add_publisher(FIRST_PUBLISHER, "node", [FIRST_THING.id])
    _certify(authority, "broker", "broker", ("localhost", "127.0.0.1"))
    roles: dict[str, Role] = {"collector": "collector", FIRST_PUBLISHER: "node", "reader": "reader"}
    for name, role in roles.items():
        _certify(authority, name, role)
    broker.write(directory, city, ports.mqtt)
    _write_collector(directory / "collector.toml", city, kind, ports, store)


def _certify(authority: Authority, name: str, role: Role, hosts: tuple[str, ...] = ()) -> None:
    """Also what a cut of power left without its files. A name that was revoked stays closed."""
    holder = authority.holder(name)
    if holder is not None and not authority.is_whole(holder):
        authority.rotate(name, hosts)
    elif not authority.knows(name):
        authority.issue(name, role, hosts)


def _write_collector(path: Path, city: str, kind: broker.Kind, ports: Ports, store: str) -> None:
    if path.exists():
        return
    text = f"""city = {json.dumps(city)}
data = "data"
inventory = "inventory.toml"

[broker]
kind = "{kind}"                      # nats | mosquitto (started by the collector) | external (started by you)
host = "127.0.0.1"
port = {ports.mqtt}
server_name = "localhost"
ca = "ca/ca.pem"
certificate = "certificates/collector.pem"
key = "certificates/collector.key"

[store]
url = {json.dumps(store)}            # memory: | duckdb:FILE | influx://127.0.0.1:8086/senzorika

[http]
host = "127.0.0.1"
port = {ports.http}
"""
    replace_file(path, text.encode())
