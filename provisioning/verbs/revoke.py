"""``revoke``: a certificate is taken back, and a live connection is silenced at once."""

import argparse
import getpass
from pathlib import Path

from provisioning import ProvisionError
from provisioning.authority import Authority
from provisioning.outcome import add_options, tell
from provisioning.rights import write_rights
from provisioning.stock import take_stock
from provisioning.verbs import Parsers


def add_parser(parsers: Parsers) -> None:
    parser = parsers.add_parser("revoke", help="take a certificate back; a live connection is silenced at once")
    parser.add_argument("directory", type=Path)
    parser.add_argument("name")
    parser.add_argument("--mqtt-port", type=int)
    parser.add_argument("--by", default=getpass.getuser(), help="who does it, for the log")
    add_options(parser)
    parser.set_defaults(verb=_revoke)


def _revoke(options: argparse.Namespace) -> None:
    authority = Authority(options.directory)
    if not authority.knows(options.name):
        raise ProvisionError(f"{options.name}: has no valid certificate")
    if not options.dry_run:
        authority.revoke(options.name)
        write_rights(options.directory, options.mqtt_port)  # first: the connection is silenced within 2 s
        take_stock(options.directory, options.by)
    tell(options, {"revoked": options.name}, f"{options.name}: revoked")
