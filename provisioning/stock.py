"""What does the register not know yet, and what does inventory.toml not? Both ways, without losing what people wrote.

``inventory.toml`` and the authority's list are what this laptop works with; the register is what all laptops know.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

from provisioning import ProvisionError
from provisioning.authority import Authority
from provisioning.certificate import fingerprint
from provisioning.durable import replace_file
from provisioning.inventory import Inventory, Thing
from provisioning.register import Register

_OF_THINGS = ("center", "openness", "household")


class Difference(NamedTuple):
    """What a directory says of one subject and its register does not."""

    subject: str
    kind: str
    fields: dict[str, Any]


def differences(directory: Path, known: dict[str, dict[str, Any]]) -> list[Difference]:
    """What changed in a directory since it was compared last, and is not in ``known``, the subjects of a register.

    Compared with what was told last, not with the register alone: what another laptop changed and this directory does
    not have yet is no news of this directory.
    """
    before = _told_last(directory)
    found = []
    for subject, fields in _told(directory).items():
        known_now, old = known.get(subject, {}), before.get(subject, {})
        new = {key: v for key, v in fields.items() if known_now.get(key) != v and (key not in old or old[key] != v)}
        if new:
            found.append(Difference(subject, _kind(new, is_known=subject in known), new))
    return found


def stands(directory: Path) -> dict[str, dict[str, Any]]:
    """The subjects with what the directory says beyond its register; nothing is written."""
    subjects = Register(directory).standing().subjects
    for one in differences(directory, subjects):
        subjects[one.subject] = subjects.get(one.subject, {}) | one.fields
    return subjects


def take_stock(directory: Path, by: str) -> Register:
    """The register of a directory, brought to what stands in inventory.toml and in the authority's list."""
    register = Register(directory)
    register.record_all(differences(directory, register.standing().subjects), by)
    _keep_told(directory)
    return register


def export(directory: Path, register: Register) -> list[str]:
    """Bring inventory.toml to what the register says and return the ids that were added or changed."""
    inventory = Inventory(directory / "inventory.toml")
    subjects = register.standing().subjects
    changed = []
    # things before the boards that speak for them
    for subject, fields in sorted(subjects.items(), reverse=True):
        kind, _, identifier = subject.partition(":")
        bring = {"thing": _bring_thing, "board": _bring_publisher}[kind]
        if bring(inventory, identifier, fields):
            changed.append(identifier)
    _keep_told(directory)
    return changed


def _bring_thing(inventory: Inventory, identifier: str, fields: dict[str, Any]) -> bool:
    location = fields.get("location")
    if identifier not in inventory.ids("thing"):
        if not fields.get("names") or not location:
            return False
        more = {key: fields[key] for key in ("openness", "household") if fields.get(key)}
        inventory.add_thing(Thing(identifier, fields["names"], tuple(location), fields["center"], **more))
        return True
    entry = next(e for e in inventory.entries("thing") if e["id"] == identifier)
    if location and entry.get("location") != location:
        inventory.place_thing(identifier, location)
        return True
    return False


def _bring_publisher(inventory: Inventory, identifier: str, fields: dict[str, Any]) -> bool:
    if "things" not in fields:  # it has a certificate and speaks for nobody: a collector, quickstart's reader
        return False
    things = [] if fields.get("status") == "retired" else fields.get("things", [])
    if identifier not in inventory.ids("publisher"):
        inventory.add_publisher(identifier, fields["role"], things)
        return True
    entry = next(e for e in inventory.entries("publisher") if e["id"] == identifier)
    if entry.get("things", []) != things:
        inventory.speak_for(identifier, things)
        return True
    return False


def _told(directory: Path) -> dict[str, dict[str, Any]]:
    inventory = Inventory(directory / "inventory.toml")
    told: dict[str, dict[str, Any]] = {}
    for entry in inventory.entries("thing"):
        fields: dict[str, Any] = {key: entry[key] for key in _OF_THINGS if key in entry}
        if "location" in entry:
            fields["location"] = [float(number) for number in entry["location"]]
        told[f"thing:{entry['id']}"] = fields | {"names": entry.get("name", {})}
    for entry in inventory.entries("publisher"):
        told[f"board:{entry['id']}"] = {"role": entry.get("role", ""), "things": entry.get("things", [])}
    for name, found in _certificates(directory).items():
        told[f"board:{name}"] = found | told.get(f"board:{name}", {})
    return told


def _told_last(directory: Path) -> dict[str, dict[str, Any]]:
    try:
        told: dict[str, dict[str, Any]] = json.loads((directory / "inventory" / "told.json").read_text())
    except FileNotFoundError:
        return {}
    return told


def _keep_told(directory: Path) -> None:
    text = json.dumps(_told(directory), indent=1, sort_keys=True)
    replace_file(directory / "inventory" / "told.json", text.encode())


def _certificates(directory: Path) -> dict[str, dict[str, Any]]:
    try:
        authority = Authority(directory)
    except ProvisionError:
        return {}  # a directory without an authority has an inventory all the same
    found: dict[str, dict[str, Any]] = {}
    for entry in authority.issued():
        if entry.role in ("broker", "van"):
            continue
        certificate: dict[str, Any] = {"serial": f"{entry.serial:X}", "expires": entry.expires[:10]}
        certificate |= {"van": entry.van, "revoked": entry.revoked}
        found[entry.name] = {"role": entry.role, "certificate": certificate}
        try:
            made = authority.certificate_of(entry.name)
        except ProvisionError:
            continue  # it was issued elsewhere
        if made.serial_number == entry.serial:
            found[entry.name]["fingerprint"] = fingerprint(made)
    return found


def _kind(new: dict[str, Any], *, is_known: bool) -> str:
    if not is_known:
        return "made"
    if "certificate" in new:
        return "revoked" if new["certificate"]["revoked"] else "certified"
    return "changed"
