"""``issue``: a certificate and rights for one name."""

import argparse
import getpass
from pathlib import Path

from provisioning import ProvisionError
from provisioning.authority import ROLES, Authority, Issued
from provisioning.broker import has_rights
from provisioning.inventory import CENTERS, OPENNESS, Inventory, Thing
from provisioning.outcome import add_options, tell
from provisioning.rights import write_rights
from provisioning.stock import take_stock
from provisioning.verbs import Parsers


def add_parser(parsers: Parsers) -> None:
    parser = parsers.add_parser("issue", help="a certificate and rights for one name")
    parser.add_argument("directory", type=Path)
    parser.add_argument("name")
    parser.add_argument("--role", choices=[role for role in ROLES if role not in ("broker", "van")], required=True)
    parser.add_argument("--thing", dest="things", action="append", default=[], help="what it may speak for; repeatable")
    parser.add_argument("--center", choices=CENTERS, help="the owner of things that are new")
    parser.add_argument("--openness", choices=OPENNESS, default="", help="of things that are new; else by quantity")
    parser.add_argument("--household", default="", metavar="ID", help="whose the things are that are new")
    parser.add_argument("--location", type=float, nargs=2, metavar=("LON", "LAT"), default=[13.73, 45.548])
    parser.add_argument("--mqtt-port", type=int)
    parser.add_argument("--by", default=getpass.getuser(), help="who does it, for the log")
    add_options(parser)
    parser.set_defaults(verb=_issue)


def _issue(options: argparse.Namespace) -> None:
    inventory = Inventory(options.directory / "inventory.toml")
    authority = Authority(options.directory)
    if options.things and options.role not in ("node", "gateway"):
        raise ProvisionError(f"a {options.role} speaks for no thing")
    new = [thing for thing in options.things if thing not in inventory.ids("thing")]
    if new and options.center is None:
        raise ProvisionError(f"unknown thing {' '.join(new)}: give --center to add it, or add it to inventory.toml")
    begun = _begun(options, authority)
    if begun is None:
        authority.check_issue(options.name, options.role)
    if options.dry_run:
        tell(options, {"name": options.name, "issued": None}, f"{options.name}: can be issued")
        return
    if begun is None:
        issued = authority.issue(options.name, options.role)
    else:
        issued = begun if authority.is_whole(begun) else authority.rotate(options.name)
    for thing in new:
        names = dict.fromkeys(("sl", "it", "en"), thing)
        place = tuple(options.location)
        inventory.add_thing(Thing(thing, names, place, options.center, options.openness, options.household))
    if options.role != "collector" and options.name not in inventory.ids("publisher"):  # a collector measures nothing
        inventory.add_publisher(options.name, options.role, options.things)
    write_rights(options.directory, options.mqtt_port)
    take_stock(options.directory, options.by)
    file = options.directory / "certificates" / f"{options.name}.pem"
    tell(
        options,
        {"name": options.name, "issued": issued._asdict()},
        f"{options.name}: {file}, valid to {issued.expires}",
    )


def _begun(options: argparse.Namespace, authority: Authority) -> Issued | None:
    """What the same command began before it was cut off: a certificate that has no rights yet."""
    holder = authority.holder(options.name)
    if holder is None or holder.role != options.role or holder.van != authority.van:
        return None
    is_done = authority.is_whole(holder) and has_rights(options.directory, options.name)
    return None if is_done else holder
