"""``revoke``: a certificate is taken back, and a live connection is silenced at once."""

import argparse
from pathlib import Path

from provisioning.authority import Authority
from provisioning.rights import write_rights
from provisioning.verbs import Parsers


def add_parser(parsers: Parsers) -> None:
    parser = parsers.add_parser("revoke", help="take a certificate back; a live connection is silenced at once")
    parser.add_argument("directory", type=Path)
    parser.add_argument("name")
    parser.add_argument("--mqtt-port", type=int)
    parser.set_defaults(verb=_revoke)


def _revoke(options: argparse.Namespace) -> None:
    Authority(options.directory).revoke(options.name)
    print(f"{options.name}: revoked")
    write_rights(options.directory, options.mqtt_port)
