"""How does a board leave its place? Retired, or replaced by another that takes over what it spoke for.

Each step is durable before the next, and each can be done again: who was cut off runs the same command once more.
The things keep their history; the name of the old board stays closed.
"""

from pathlib import Path
from typing import Any

from provisioning import ProvisionError
from provisioning.authority import Authority
from provisioning.commission import Commissioning
from provisioning.inventory import Inventory
from provisioning.label import Label
from provisioning.mounting import Mounting
from provisioning.stock import export, stands, take_stock


class Retirement:
    """The boards of one directory."""

    def __init__(self, directory: Path, authority: Authority, by: str) -> None:
        self._directory = directory
        self._authority = authority
        self._by = by

    def check_retire(self, name: str) -> None:
        """Raise ProvisionError when there is nothing to retire."""
        publishers = Inventory(self._directory / "inventory.toml").ids("publisher")
        if name not in publishers and not self._authority.knows(name):
            raise ProvisionError(f"{name}: is in no inventory and has no certificate")

    def retire(self, name: str, reason: str) -> None:
        """Nothing of it is listened to any more, once the rights are written; its things stay."""
        self.check_retire(name)
        self._leave(name, {"reason": reason})

    def check_replace(self, old: str, new: str) -> None:
        """Raise ProvisionError when ``new`` can't take the place of ``old``."""
        self.check_retire(old)
        if old == new:
            raise ProvisionError(f"{new}: is the same board; a new key for it is `authority rotate`")
        holder = self._authority.holder(new)
        if holder is None or holder.role not in ("node", "gateway"):
            raise ProvisionError(f"{new}: has no valid certificate of a node or gateway; issue one first")
        board = self._fields(new)
        if board.get("things") and board.get("replaces") != old:
            raise ProvisionError(f"{new}: speaks for {' '.join(board['things'])} already; take one that is free")
        by = self._fields(old).get("replaced_by")
        if by not in (None, new):
            raise ProvisionError(f"{old}: was replaced by {by} already")

    def replace(self, old: str, new: str, reason: str) -> dict[str, Any] | None:
        """Return the signed record of the new board, None where the old one was never commissioned."""
        self.check_replace(old, new)
        things = self._fields(old).get("things") or self._fields(new).get("things", [])
        register = take_stock(self._directory, self._by)
        if self._fields(new).get("replaces") != old:
            fields = {"things": things, "replaces": old, "role": self._role(new), "status": "placed"}
            register.record(f"board:{new}", "placed", self._by, fields)
        self._leave(old, {"reason": reason, "replaced_by": new})
        record = self._fields(old).get("commissioning", {}).get("record")
        if record is None:
            return None
        return Commissioning(self._directory, self._authority, self._by).commission(_same_place(record, new))

    def _leave(self, name: str, why: dict[str, Any]) -> None:
        _ = self._authority.key  # a wrong passphrase is noticed before anything is changed
        register = take_stock(self._directory, self._by)
        if self._fields(name).get("status") != "retired":
            kind = "replaced" if "replaced_by" in why else "retired"
            register.record(f"board:{name}", kind, self._by, {"status": "retired", "things": []} | why)
        export(self._directory, register)
        if self._authority.holder(name):
            self._authority.revoke(name)
        take_stock(self._directory, self._by)

    def _fields(self, name: str) -> dict[str, Any]:
        return stands(self._directory).get(f"board:{name}", {})

    def _role(self, name: str) -> str:
        holder = self._authority.holder(name)
        return holder.role if holder else ""


def _same_place(record: dict[str, Any], board: str) -> Mounting:
    longitude, latitude = record["position"]
    return Mounting(
        Label(board, ""),
        record["thing"],
        longitude,
        latitude,
        record["accuracy"],
        record["source"],
        record["height"],
        record["orientation"],
        center="",
        moves_thing=False,
    )
