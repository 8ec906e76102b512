"""``authority``: what becomes of certificates after they were issued, and of the authority's own key."""

import argparse
import getpass
from pathlib import Path
from typing import Any

from provisioning import broker, passphrase
from provisioning.authority import Authority, Issued
from provisioning.outcome import add_options, tell
from provisioning.register import Register
from provisioning.rights import write_rights
from provisioning.stock import take_stock
from provisioning.verbs import Parsers


def add_parser(parsers: Parsers) -> None:
    parser = parsers.add_parser("authority", help="renew, rotate and take over certificates; encrypt the key; vans")
    actions = parser.add_subparsers(required=True, metavar="ACTION", dest="action")
    for action, (run, words) in _ACTIONS.items():
        one = actions.add_parser(action, help=words, description=words)
        one.add_argument("directory", type=Path)
        if action in _NAMED:
            one.add_argument("name")
        if action == "van":
            one.add_argument("--to", type=Path, required=True, metavar="DIR", help="the directory of the van's laptop")
        if action == "rotate":
            one.add_argument("--host", dest="hosts", action="append", default=[], help="of a server; repeatable")
            one.add_argument("--keep-old", action="store_true", help="the old key stays good until `settle`")
        one.add_argument("--by", default=getpass.getuser(), help="who does it, for the log")
        add_options(one)
        one.set_defaults(verb=run)


def _show(options: argparse.Namespace) -> None:
    authority = Authority(options.directory)
    issued = authority.issued()
    document = {
        "van": authority.van,
        "encrypted": authority.is_encrypted,
        "root": authority.root_fingerprint,
        "issued": [entry._asdict() for entry in issued],
    }
    lines = [f"{authority.van or 'the city'}: key {'encrypted' if authority.is_encrypted else 'in clear'}"]
    lines += [f"{e.name} ({e.role}): {'revoked' if e.revoked else 'valid to ' + e.expires[:10]}" for e in issued]
    tell(options, document, "\n".join(lines))


def _encrypt(options: argparse.Namespace) -> None:
    authority = Authority(options.directory)
    _ = authority.key  # the old passphrase is asked for first
    if not options.dry_run:
        authority.encrypt(passphrase.choose(options.directory / "ca" / "ca.key"))
    tell(options, {"encrypted": authority.is_encrypted}, "the key is encrypted; without its passphrase it is lost")


def _van(options: argparse.Namespace) -> None:
    authority = Authority(options.directory)
    done: dict[str, Any] = {"van": options.name, "directory": str(options.to)}
    if not options.dry_run:
        secret = passphrase.choose(options.to / "ca" / "ca.key")
        done["expires"] = authority.enrol_van(options.name, options.to, secret).expires
        _copy_inventory(options.directory, options.to, options.by)
        write_rights(options.to, broker.port_of(options.directory))
        write_rights(options.directory)
    tell(options, done, f"van {options.name}: its authority stands in {options.to}")


def _copy_inventory(city: Path, van: Path, by: str) -> None:
    """With the log: what both begin with is then no news of either."""
    register = take_stock(city, by)
    (van / "inventory.toml").write_bytes((city / "inventory.toml").read_bytes())
    Register(van).merge(register.folder)
    take_stock(van, by)


def _renew(options: argparse.Namespace) -> None:
    authority = Authority(options.directory)
    issued = None if options.dry_run else authority.renew(options.name)
    _keep(options)
    _answer(options, issued, "the same key, a later date")


def _rotate(options: argparse.Namespace) -> None:
    authority = Authority(options.directory)
    issued = None
    if not options.dry_run:
        issued = authority.rotate(options.name, options.hosts, keep_old=options.keep_old)
        write_rights(options.directory)
    _keep(options)
    old = "the old one stays good until `authority settle`" if options.keep_old else "the old one is revoked"
    _answer(options, issued, f"a new key; {old} (on mosquitto; nats-server takes it until its date)")


def _settle(options: argparse.Namespace) -> None:
    authority = Authority(options.directory)
    old = [] if options.dry_run else authority.settle(options.name)
    if old:
        write_rights(options.directory)
    _keep(options)
    serials = [f"{entry.serial:X}" for entry in old]
    tell(
        options, {"name": options.name, "revoked": serials}, f"{options.name}: {len(serials)} old certificates revoked"
    )


def _keep(options: argparse.Namespace) -> None:
    """In the log, with who did it and when."""
    if not options.dry_run:
        take_stock(options.directory, options.by)


def _answer(options: argparse.Namespace, issued: Issued | None, words: str) -> None:
    document = {"name": options.name, "issued": issued._asdict() if issued else None}
    tell(options, document, f"{options.name}: {words}" + (f", valid to {issued.expires[:10]}" if issued else ""))


def _forget_key(options: argparse.Namespace) -> None:
    authority = Authority(options.directory)
    if not options.dry_run:
        authority.forget_key(options.name)
    tell(options, {"name": options.name}, f"{options.name}: its key stands on the node alone")


def _revocations(options: argparse.Namespace) -> None:
    authority = Authority(options.directory)
    if not options.dry_run:
        authority.publish_revocations()
        write_rights(options.directory)
    tell(options, {"revoked": sum(e.revoked for e in authority.issued())}, "the revocation list has a new date")


def _take(options: argparse.Namespace) -> int:
    authority, other = Authority(options.directory), Authority(Path(options.name))
    clashes = [] if options.dry_run else authority.take(other)
    if not options.dry_run:
        write_rights(options.directory)
    words = f"issued by two, choose one and revoke it: {' '.join(clashes)}" if clashes else "taken over"
    tell(options, {"from": options.name, "issued_twice": clashes}, words)
    return 1 if clashes else 0


_NAMED = ("van", "renew", "rotate", "settle", "forget-key", "take")
_ACTIONS = {
    "show": (_show, "what was issued, to whom and until when"),
    "encrypt": (_encrypt, "give the key a passphrase, or another one"),
    "van": (_van, "make an intermediate authority for one van, in a directory of its own"),
    "renew": (_renew, "a certificate with a later date for the key that a name has"),
    "rotate": (_rotate, "a new key and certificate for a name; the old one is revoked"),
    "settle": (_settle, "revoke what a name had before its newest certificate"),
    "forget-key": (_forget_key, "remove a name's private key from this disk, once the node has it"),
    "crl": (_revocations, "write the revocation list again, with a new date"),
    "take": (_take, "take over what another directory of this city (NAME) issued and revoked"),
}
