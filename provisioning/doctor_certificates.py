"""Which certificates, revocation lists and keys need somebody's hand soon? Warned of before anything stops."""

import datetime as dt
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509

from provisioning.authority import Authority
from provisioning.broker import has_rights
from provisioning.finding import Finding

LIST_DAYS = 60
LEAF_DAYS = 60
CA_DAYS = 365


def lists(directory: Path, authority: Authority, now: dt.datetime) -> Iterator[Finding]:
    """An expired list locks every client of its issuer out of mosquitto (its issue 1826)."""
    for van in ("", *authority.issuers.vans()):
        crl = authority.issuers.revocations(van)
        where = f"the revocation list of {f'van {van}' if van else 'the root'}"
        do = (
            f"run `authority crl {directory}`"
            if van == authority.van
            else "run `authority crl` there, and take it over"
        )
        if not crl:
            yield Finding(where, "is missing: mosquitto lets nobody in", do)
            continue
        end = x509.load_pem_x509_crl(crl).next_update_utc
        if end is not None and end <= now:
            yield Finding(where, f"expired on {end:%Y-%m-%d}: mosquitto lets nobody in", do)
        elif end is not None and end - now < dt.timedelta(days=LIST_DAYS):
            yield Finding(where, f"expires on {end:%Y-%m-%d}: then mosquitto lets nobody in", do)


def certificates(directory: Path, authority: Authority, now: dt.datetime) -> Iterator[Finding]:
    """The authorities' own, then the newest of every name."""
    for one in {c.serial_number: c for c in (authority.issuers.root, authority.certificate)}.values():
        if one.not_valid_after_utc - now < dt.timedelta(days=CA_DAYS):
            who = one.subject.rfc4514_string().removeprefix("CN=")
            do = "make a new authority, and certify every board again while the old one still holds"
            yield Finding(who, f"its certificate ends on {one.not_valid_after_utc:%Y-%m-%d}", do)
    newest = {entry.name: entry for entry in authority.issued() if not entry.revoked and entry.role != "van"}
    for entry in newest.values():
        end = dt.datetime.fromisoformat(entry.expires)
        mine = entry.van == authority.van
        where = directory if mine else f"the directory of {entry.van or 'the city'}"
        if end - now < dt.timedelta(days=LEAF_DAYS):
            words = "expired" if end <= now else "expires"
            yield Finding(entry.name, f"{words} on {end:%Y-%m-%d}", f"run `authority renew {where} {entry.name}`")
        if mine and not authority.is_whole(entry):
            do = f"run `authority rotate {where} {entry.name}`"
            yield Finding(entry.name, "its certificate was cut off while it was written", do)


def keys(directory: Path, authority: Authority) -> Iterator[Finding]:
    """Who can read them, and which of them should not be here."""
    if os.name != "nt":
        for file in sorted([*directory.glob("certificates/*.key*"), *directory.glob("ca/*.key*")]):
            if stat.S_IMODE(file.stat().st_mode) & 0o077:
                yield Finding(str(file), "others can read this key", f"run `chmod 600 {file}`")
    if authority.issuers.vans() and not authority.is_encrypted:
        yield Finding("ca/ca.key", "is not encrypted", f"run `authority encrypt {directory}`")


def rights(directory: Path, authority: Authority) -> Iterator[Finding]:
    """What was issued or revoked and never reached the brokers: somebody was cut off between the two."""
    if not (directory / "broker" / "nats.conf").is_file():
        return
    valid = {e.name for e in authority.issued() if not e.revoked and e.role not in ("broker", "van")}
    revoked = {e.name for e in authority.issued() if e.revoked} - valid
    do = f"run `broker {directory}`"
    for name in sorted(valid):
        if not has_rights(directory, name):
            yield Finding(name, "has a certificate and no rights at the broker", do)
    for name in sorted(revoked):
        if has_rights(directory, name):
            yield Finding(name, "is revoked and still has rights at the broker", do)
