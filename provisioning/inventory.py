"""Which publishers and things there are: ``inventory.toml``, which the collector reads and people may edit.

Entries are appended and changed as text, so that comments and order of the file survive.
"""

import json
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from firmware import contract
from provisioning import ProvisionError
from provisioning.durable import replace_file

CENTERS = (
    "governance",
    "mobility",
    "economy",
    "buildings",
    "environment",
    "administration",
    "energy",
    "living",
    "emergency",
)

OPENNESS = ("open", "aggregated", "restricted", "personal")


class Thing(NamedTuple):
    """What is measured: its names by language, its place as (longitude, latitude[, height in m]), its owning center."""

    id: str
    names: dict[str, str]
    location: tuple[float, ...]
    center: str
    openness: str = ""
    """open, aggregated, restricted or personal; "": as the collector's rules say for its quantities."""
    household: str = ""
    """Whose it is; "": nobody's."""


class Inventory:
    """The file; every change is checked before it is written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._content: dict[str, Any] = tomllib.loads(path.read_text())
        except FileNotFoundError:
            raise ProvisionError(f"{path}: no inventory here; run quickstart first") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ProvisionError(f"{path}: {error}") from None

    @classmethod
    def create(cls, path: Path, city: str) -> "Inventory":
        """Start an inventory, or open the one that is there."""
        if not path.exists():
            _append(path, f"# What {city} has: publishers (MQTT identities) and the things they speak for.\n")
            _append(path, f"city = {json.dumps(city)}\n")
        return cls(path)

    @property
    def city(self) -> str:
        city = self._content.get("city")
        if not isinstance(city, str):
            raise ProvisionError(f"{self.path}: city: expected a name")
        return city

    def ids(self, kind: str) -> set[str]:
        """The ids of all entries of ``publisher`` or ``thing``."""
        return {entry["id"] for entry in self._content.get(kind, []) if "id" in entry}

    def add_thing(self, thing: Thing) -> None:
        _check_id("thing", thing.id)
        if thing.id in self.ids("thing"):
            raise ProvisionError(f"thing {thing.id}: stands in the inventory already")
        if thing.center not in CENTERS:
            raise ProvisionError(f"thing {thing.id}: center {thing.center!r}: expected one of {' '.join(CENTERS)}")
        if thing.openness not in ("", *OPENNESS):
            raise ProvisionError(f"thing {thing.id}: openness: expected one of {' '.join(OPENNESS)}")
        if thing.household:
            _check_id("household", thing.household)
            if thing.openness in ("open", "restricted"):
                raise ProvisionError(f"thing {thing.id}: openness: a household's meter is personal or aggregated")
        if missing := {"sl", "it", "en"} - set(thing.names):
            raise ProvisionError(f"thing {thing.id}: name: missing in {' '.join(sorted(missing))}")
        names = ", ".join(f"{language} = {json.dumps(name)}" for language, name in thing.names.items())
        self._add(
            "thing",
            f'id = "{thing.id}"\nname = {{ {names} }}\n'
            f'location = {json.dumps(list(thing.location))}\ncenter = "{thing.center}"\n'
            + "".join(f'{key} = "{text}"\n' for key in ("openness", "household") if (text := getattr(thing, key))),
        )

    def add_publisher(self, name: str, role: str, things: Sequence[str]) -> None:
        _check_id("publisher", name)
        if name in self.ids("publisher"):
            raise ProvisionError(f"publisher {name}: stands in the inventory already")
        if unknown := set(things) - self.ids("thing"):
            raise ProvisionError(f"publisher {name}: unknown thing {' '.join(sorted(unknown))}")
        self._add("publisher", f'id = "{name}"\nrole = "{role}"\nthings = {json.dumps(list(things))}\n')

    def entries(self, kind: str) -> list[dict[str, Any]]:
        """All entries of ``publisher`` or ``thing``, as they stand in the file."""
        return [entry for entry in self._content.get(kind, []) if isinstance(entry.get("id"), str)]

    def place_thing(self, identifier: str, location: Sequence[float]) -> None:
        """Say where a thing is."""
        self._change("thing", identifier, "location", json.dumps(list(location)))

    def speak_for(self, publisher: str, things: Sequence[str]) -> None:
        """Say which things a publisher speaks for."""
        if unknown := set(things) - self.ids("thing"):
            raise ProvisionError(f"publisher {publisher}: unknown thing {' '.join(sorted(unknown))}")
        self._change("publisher", publisher, "things", json.dumps(list(things)))

    def _change(self, kind: str, identifier: str, key: str, value: str) -> None:
        """Replace one line of one entry; what people wrote around it stays. The result is read before it is kept."""
        parts = re.split(r"(?m)^(?=\[)", self.path.read_text())
        changed = 0
        for number, part in enumerate(parts):
            head = rf"\[\[{kind}\]\](?=.*^id *= *[\"']{re.escape(identifier)}[\"'])"
            if not re.match(head, part, re.DOTALL | re.MULTILINE):
                continue
            line = f"{key} = {value}"
            # A list of numbers and names may stand on several lines.
            new, changed = re.subn(rf"(?m)^{key} *= *\[[^\]]*\]", lambda _, line=line: line, part, count=1)
            if not changed:
                new, changed = re.subn(r"(?m)^(id *=.*)$", lambda m, line=line: f"{m[1]}\n{line}", part, count=1)
            parts[number] = new
            break
        text = "".join(parts)
        entry: dict[str, Any] = next((e for e in tomllib.loads(text).get(kind, []) if e.get("id") == identifier), {})
        if not changed or entry.get(key) != json.loads(value):
            raise ProvisionError(
                f"{self.path}: {kind} {identifier}: {key}: can't be changed here; write {key} = {value}"
            )
        replace_file(self.path, text.encode())
        self._content = tomllib.loads(text)

    def _add(self, kind: str, body: str) -> None:
        _append(self.path, f"\n[[{kind}]]\n{body}")
        self._content = tomllib.loads(self.path.read_text())


def _check_id(kind: str, name: str) -> None:
    try:
        contract.check_id(kind, name)
    except contract.ContractError as error:
        raise ProvisionError(f"{name!r}: {error}") from None


def _append(path: Path, text: str) -> None:
    """As a whole or not at all: half an entry would stop the collector at its next start."""
    before = path.read_bytes() if path.exists() else b""
    replace_file(path, before + text.encode())
