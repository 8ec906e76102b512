"""``phone``: a page on this laptop with the steps of ``commission``, for the hand that holds no laptop."""

import argparse
import getpass
import sys
from pathlib import Path

import segno

from provisioning import ProvisionError
from provisioning.authority import Authority
from provisioning.enlisting import read_token
from provisioning.phone_door import Door
from provisioning.phone_server import Page, server
from provisioning.phone_work import PhoneWork
from provisioning.seen import Collector
from provisioning.verbs import Parsers

_NAME = "phone"
_HERE = ("localhost", "127.0.0.1")


def add_parser(parsers: Parsers) -> None:
    parser = parsers.add_parser("phone", help="a page for phones with the steps of commissioning; ends with Ctrl-C")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--host", default="127.0.0.1", help="this laptop's address in the phone's network")
    parser.add_argument("--port", type=int, default=8443)
    parser.add_argument("--url", help="of a collector, to see first readings")
    parser.add_argument("--token-file", type=Path)
    parser.add_argument("--by", default=getpass.getuser())
    parser.set_defaults(verb=_phone)


def page_of(options: argparse.Namespace) -> Page:
    """The page with its certificate; a new one where the laptop has another address than last time."""
    if options.host in ("", "0.0.0.0", "::"):  # noqa: S104 - it is refused
        raise ProvisionError(f"--host: {options.host!r} is no address that a phone can ask; give this laptop's own")
    authority = Authority(options.directory)
    hosts = tuple(dict.fromkeys((*_HERE, options.host)))
    _ = authority.key  # its passphrase is asked for before the page is up
    if not authority.knows(_NAME):
        authority.issue(_NAME, "broker", hosts)
    elif set(authority.hosts_of(_NAME)) != set(hosts):
        authority.rotate(_NAME, hosts)
    token = read_token(options.token_file) if options.token_file else ""
    collector = Collector(options.url, token) if options.url else None
    work = PhoneWork(options.directory, authority, options.by, collector)
    certificates = options.directory / "certificates"
    door = Door(lambda code: print(f"code for the next phone: {code}", file=sys.stderr, flush=True))
    keys = certificates / f"{_NAME}.pem", certificates / f"{_NAME}.key"
    return Page(door, work, hosts, *keys, options.directory / "ca" / "ca.der")


def _phone(options: argparse.Namespace) -> None:
    page = page_of(options)
    with server(page, options.host, options.port) as made:
        url = f"https://{options.host}:{made.server_address[1]}/"
        segno.make(url, micro=False).terminal(out=sys.stderr, compact=True)
        print(f"{url} (the phone trusts it after {url}ca.crt is installed)", file=sys.stderr, flush=True)
        try:
            made.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            print("the page is closed", file=sys.stderr)
