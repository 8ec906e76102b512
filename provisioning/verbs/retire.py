"""``retire``: a board is taken out of use, and its certificate with it."""

import argparse
import getpass
from pathlib import Path

from provisioning.authority import Authority
from provisioning.outcome import add_options, tell
from provisioning.retirement import Retirement
from provisioning.rights import write_rights
from provisioning.verbs import Parsers


def add_parser(parsers: Parsers) -> None:
    parser = parsers.add_parser("retire", help="take a board out of use; its certificate is revoked, its things stay")
    parser.add_argument("directory", type=Path)
    parser.add_argument("name")
    parser.add_argument("--reason", default="")
    parser.add_argument("--by", default=getpass.getuser())
    add_options(parser)
    parser.set_defaults(verb=_retire)


def _retire(options: argparse.Namespace) -> None:
    work = Retirement(options.directory, Authority(options.directory), options.by)
    work.check_retire(options.name)
    if not options.dry_run:
        work.retire(options.name, options.reason)
        write_rights(options.directory)
    tell(options, {"retired": options.name}, f"{options.name}: retired and revoked")
