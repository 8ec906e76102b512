"""The technician's command line: ``senzorika-provision VERB``, one verb per function."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from provisioning import ProvisionError, broker
from provisioning.authority import ROLES, Authority
from provisioning.inventory import CENTERS, OPENNESS, Inventory, Thing
from provisioning.quickstart import Ports, quickstart


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 2 something the person can mend, said in one line."""
    options = _parser().parse_args(arguments)
    try:
        options.verb(options)
    except ProvisionError as error:
        print(f"senzorika-provision: {error}", file=sys.stderr)
        return 2
    return 0


def _quickstart(options: argparse.Namespace) -> None:
    ports = Ports(options.mqtt_port, options.http_port)
    quickstart(options.directory, options.city, options.broker, ports, options.store)
    print(
        f"{options.directory}: ready. Start the collector: senzorika-collector --config "
        f"{options.directory / 'collector.toml'}"
    )


def _issue(options: argparse.Namespace) -> None:
    inventory = Inventory(options.directory / "inventory.toml")
    authority = Authority(options.directory)
    if options.things and options.role not in ("node", "gateway"):
        raise ProvisionError(f"a {options.role} speaks for no thing")
    new = [thing for thing in options.things if thing not in inventory.ids("thing")]
    if new and options.center is None:
        raise ProvisionError(f"unknown thing {' '.join(new)}: give --center to add it, or add it to inventory.toml")
    issued = authority.issue(options.name, options.role)
    for thing in new:
        names = dict.fromkeys(("sl", "it", "en"), thing)
        place = tuple(options.location)
        inventory.add_thing(Thing(thing, names, place, options.center, options.openness, options.household))
    if options.role != "collector" and options.name not in inventory.ids("publisher"):  # a collector measures nothing
        inventory.add_publisher(options.name, options.role, options.things)
    print(f"{options.name}: {options.directory / 'certificates' / options.name}.pem, valid to {issued.expires}")
    _write_rights(options)


def _revoke(options: argparse.Namespace) -> None:
    Authority(options.directory).revoke(options.name)
    print(f"{options.name}: revoked")
    _write_rights(options)


def _broker(options: argparse.Namespace) -> None:
    _write_rights(options)


def _write_rights(options: argparse.Namespace) -> None:
    directory: Path = options.directory
    city = Inventory(directory / "inventory.toml").city
    broker.write(directory, city, options.mqtt_port or broker.port_of(directory))
    process = broker.reload(directory)
    print("no broker of this directory is running" if process is None else f"broker {process}: reloaded")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="senzorika-provision", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    verb = verbs.add_parser("quickstart", help="a whole city in one directory: authority, rights, first thing")
    verb.add_argument("directory", type=Path)
    verb.add_argument("--city", default="koper")
    verb.add_argument("--broker", choices=("nats", "mosquitto"), default="nats")
    verb.add_argument("--store", default="duckdb:observations.duckdb")
    verb.add_argument("--mqtt-port", type=int, default=8883)
    verb.add_argument("--http-port", type=int, default=8080)
    verb.set_defaults(verb=_quickstart)

    verb = verbs.add_parser("issue", help="a certificate and rights for one name")
    verb.add_argument("directory", type=Path)
    verb.add_argument("name")
    verb.add_argument("--role", choices=[role for role in ROLES if role != "broker"], required=True)
    verb.add_argument("--thing", dest="things", action="append", default=[], help="what it may speak for; repeatable")
    verb.add_argument("--center", choices=CENTERS, help="the owner of things that are new")
    verb.add_argument("--openness", choices=OPENNESS, default="", help="of things that are new; else by quantity")
    verb.add_argument("--household", default="", metavar="ID", help="whose the things are that are new")
    verb.add_argument("--location", type=float, nargs=2, metavar=("LON", "LAT"), default=[13.73, 45.548])
    verb.add_argument("--mqtt-port", type=int)
    verb.set_defaults(verb=_issue)

    verb = verbs.add_parser("revoke", help="take a certificate back; a live connection is silenced at once")
    verb.add_argument("directory", type=Path)
    verb.add_argument("name")
    verb.add_argument("--mqtt-port", type=int)
    verb.set_defaults(verb=_revoke)

    verb = verbs.add_parser("broker", help="write the configuration of both brokers again and reload")
    verb.add_argument("directory", type=Path)
    verb.add_argument("--mqtt-port", type=int)
    verb.set_defaults(verb=_broker)
    return parser


if __name__ == "__main__":
    sys.exit(main())
