"""``doctor``: what needs somebody's hand, and what to do."""

import argparse
import datetime as dt
from collections.abc import Iterable, Iterator
from pathlib import Path

from provisioning import ProvisionError, doctor_certificates, doctor_inventory, doctor_laptop
from provisioning.authority import Authority
from provisioning.enlisting import read_token
from provisioning.finding import Finding
from provisioning.outcome import tell
from provisioning.seen import Collector
from provisioning.verbs import Parsers


def add_parser(parsers: Parsers) -> None:
    parser = parsers.add_parser("doctor", help="what expires, does not fit or is missing, and what to do")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--url", help="of a collector, to compare with")
    parser.add_argument("--token-file", type=Path)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(verb=_doctor)


def _doctor(options: argparse.Namespace) -> int:
    """Exit status 1 when something needs doing."""
    token = read_token(options.token_file) if options.token_file else ""
    found = list(_findings(options.directory, Collector(options.url, token) if options.url else None))
    lines = [f"{one.about}: {one.wrong}\n  {one.do}" for one in found]
    tell(options, {"findings": [one._asdict() for one in found]}, "\n".join(lines) or "nothing needs doing")
    return 1 if found else 0


def _findings(directory: Path, collector: Collector | None) -> Iterator[Finding]:
    authority = Authority(directory)
    now = dt.datetime.now(dt.UTC)
    checks: list[Iterable[Finding]] = [
        doctor_laptop.clock(directory, authority, now),
        doctor_certificates.lists(directory, authority, now),
        doctor_certificates.certificates(directory, authority, now),
        doctor_certificates.keys(directory, authority),
        doctor_certificates.rights(directory, authority),
        doctor_inventory.publishers(directory, authority),
        doctor_inventory.register(directory, authority),
        doctor_laptop.programs(),
        doctor_laptop.ports(),
    ]
    if collector:
        checks += [doctor_inventory.collector(directory, collector), doctor_laptop.clock_of(collector.url, now)]
    for check in checks:
        try:
            yield from check
        except ProvisionError as error:  # what one check can't read stops no other
            yield Finding(str(directory), str(error), "see the file")
