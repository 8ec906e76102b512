"""``label``: QR codes for boards, as pictures and as a sheet to print."""

import argparse
from pathlib import Path

from provisioning import ProvisionError
from provisioning.authority import Authority
from provisioning.certificate import fingerprint
from provisioning.durable import replace_file
from provisioning.inventory import Inventory
from provisioning.label import FORMATS, label, sheet, write_labels
from provisioning.outcome import add_options, tell
from provisioning.verbs import Parsers


def add_parser(parsers: Parsers) -> None:
    parser = parsers.add_parser("label", help="QR codes for boards, and a sheet of them to print")
    parser.add_argument("directory", type=Path)
    parser.add_argument("names", nargs="*", help="of boards; without any, all nodes and gateways")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to; labels/ in the directory otherwise")
    parser.add_argument("--format", dest="formats", choices=FORMATS, action="append", help="repeatable; png and svg")
    add_options(parser)
    parser.set_defaults(verb=_label)


def _label(options: argparse.Namespace) -> None:
    authority = Authority(options.directory)
    city = Inventory(options.directory / "inventory.toml").city
    held = [e.name for e in authority.issued() if not e.revoked and e.role in ("node", "gateway")]
    names = options.names or list(dict.fromkeys(held))
    if without := [name for name in names if name not in held]:
        raise ProvisionError(f"{' '.join(without)}: has no valid certificate; issue one first")
    labels = [label(name, fingerprint(authority.certificate_of(name))) for name in names]
    folder = options.out or options.directory / "labels"
    files: list[Path] = []
    if not options.dry_run:
        files = write_labels(folder, labels, options.formats or ("png", "svg"))
        replace_file(folder / "sheet.html", sheet(labels, city).encode())
        files.append(folder / "sheet.html")
    document = {"labels": {one.id: one.text for one in labels}, "files": [str(file) for file in files]}
    tell(options, document, f"{len(labels)} labels; print {folder / 'sheet.html'}")
