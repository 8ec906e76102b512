"""Do the inventory, the register and the collector know the same boards and things?"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509

from provisioning.authority import Authority
from provisioning.finding import Finding
from provisioning.inventory import Inventory
from provisioning.record import is_signed
from provisioning.register import Register
from provisioning.seen import Collector
from provisioning.standing import shared_places
from provisioning.stock import differences


def publishers(directory: Path, authority: Authority) -> Iterator[Finding]:
    """Names in inventory.toml without a certificate, and boards with one that stand in no inventory."""
    inventory = Inventory(directory / "inventory.toml")
    names = inventory.ids("publisher")
    retired = {name for name, fields in _boards(directory).items() if fields.get("status") == "retired"}
    for name in sorted(names):
        if not authority.holder(name) and name not in retired:
            words = "was revoked and is not retired" if authority.knows(name) else "has no certificate"
            yield Finding(name, f"stands in inventory.toml and {words}", f"issue one, or `retire {directory} {name}`")
    for entry in authority.issued():
        if not entry.revoked and entry.role in ("node", "gateway") and entry.name not in names:
            do = f"add it to {directory / 'inventory.toml'}, or `retire {directory} {entry.name}`"
            yield Finding(entry.name, "has a certificate and stands in no inventory", do)
    spoken = {thing for entry in inventory.entries("publisher") for thing in entry.get("things", [])}
    for thing in sorted(spoken - inventory.ids("thing")):
        yield Finding(thing, "is spoken for and is no thing of inventory.toml", "add it, or take it from the publisher")


def register(directory: Path, authority: Authority) -> Iterator[Finding]:
    """Logs that were changed (as ProvisionError), what is in none, what is contested, and records of strangers."""
    kept = Register(directory)
    kept.logs()
    subjects, conflicts = kept.standing()
    for one in differences(directory, subjects):
        yield Finding(one.subject, "was changed and stands in no log", f"run `inventory list {directory}`")
    for conflict in (*conflicts, *shared_places(subjects)):
        values = " | ".join(str(value) for value in conflict.values)
        do = f"run `inventory settle {directory} {conflict.subject.partition(':')[2]}`, or change it"
        yield Finding(conflict.subject, f"{conflict.field} is contested: {values}", do)
    trusted = [authority.issuers.root, *_vans(authority), authority.certificate]
    for name, fields in _boards(directory).items():
        signed = fields.get("commissioning")
        if signed and not is_signed(signed.get("record"), signed.get("signature"), signed.get("signer"), trusted):
            yield Finding(name, "its record is signed by nobody whom we trust", f"run `commission {directory} {name}`")
        if fields.get("status") == "open":
            do = f"run `commission {directory} --finish --url URL`"
            yield Finding(name, "is mounted, and no reading was seen yet", do)
        if fields.get("status") == "in use" and (directory / "certificates" / f"{name}.key.der").exists():
            yield Finding(
                name, "is in use, and its key is still here", f"run `authority forget-key {directory} {name}`"
            )


def collector(directory: Path, asked: Collector) -> Iterator[Finding]:
    """What a running collector knows that we do not, and the other way."""
    headers = {"Authorization": f"Bearer {asked.token}"} if asked.token else {}
    try:
        answer = httpx.get(f"{asked.url}/api/things", headers=headers, timeout=20).raise_for_status().json()
        theirs = {one["id"] for one in answer["things"] if not one["publisher"]}
    except (httpx.HTTPError, httpx.InvalidURL, KeyError, ValueError) as error:
        yield Finding(asked.url, f"does not say what it knows: {error}", "start the collector, or check the token")
        return
    inventory = Inventory(directory / "inventory.toml")
    ours = inventory.ids("thing")
    for thing in sorted(ours - theirs):
        do = f"run `inventory export {directory} --to {asked.url}`, or ask with a token that may see it"
        yield Finding(thing, "is unknown to the collector", do)
    for thing in sorted(theirs - ours - inventory.ids("publisher")):
        yield Finding(thing, "the collector knows it and inventory.toml does not", "add it, or delete it there")


def _boards(directory: Path) -> dict[str, dict[str, Any]]:
    subjects = Register(directory).standing().subjects
    return {s.partition(":")[2]: fields for s, fields in subjects.items() if s.startswith("board:")}


def _vans(authority: Authority) -> list[x509.Certificate]:
    folder = authority.issuers.folder
    return [x509.load_pem_x509_certificate((folder / f"{van}.pem").read_bytes()) for van in authority.issuers.vans()]
