"""``replace``: a new board takes the place of a broken one."""

import argparse
import getpass
from pathlib import Path

from provisioning.authority import Authority
from provisioning.outcome import add_options, tell
from provisioning.retirement import Retirement
from provisioning.rights import write_rights
from provisioning.verbs import Parsers


def add_parser(parsers: Parsers) -> None:
    parser = parsers.add_parser("replace", help="put a new board in the place of a broken one, which is revoked")
    parser.add_argument("directory", type=Path)
    parser.add_argument("old")
    parser.add_argument("new", help="issued and flashed, and speaking for nothing yet")
    parser.add_argument("--reason", default="")
    parser.add_argument("--by", default=getpass.getuser())
    add_options(parser)
    parser.set_defaults(verb=_replace)


def _replace(options: argparse.Namespace) -> None:
    work = Retirement(options.directory, Authority(options.directory), options.by)
    record = None
    work.check_replace(options.old, options.new)
    if not options.dry_run:
        record = work.replace(options.old, options.new, options.reason)
        write_rights(options.directory)
    words = "signed, and open until `commission --finish`" if record else f"run `commission {options.new}` there"
    document = {"old": options.old, "new": options.new, "commissioning": record}
    tell(options, document, f"{options.new} is in the place of {options.old}: {words}")
