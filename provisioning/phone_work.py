"""What can a phone ask of the laptop? The names it chooses from, a commissioning, and what is still open."""

import base64
import binascii
import threading
from pathlib import Path
from typing import Any

from provisioning import ProvisionError
from provisioning.authority import Authority
from provisioning.commission import Commissioning
from provisioning.inventory import CENTERS, Inventory
from provisioning.label import read_label
from provisioning.mounting import read_mounting
from provisioning.rights import write_rights
from provisioning.seen import Collector


class PhoneWork:
    """One request at a time: the authority and the inventory have one owner."""

    def __init__(self, directory: Path, authority: Authority, by: str, collector: Collector | None) -> None:
        self._directory = directory
        self._collector = collector
        self._work = Commissioning(directory, authority, by)
        self._authority = authority
        self._lock = threading.Lock()

    def names(self) -> dict[str, Any]:
        """What the page offers for choice."""
        with self._lock:
            inventory = Inventory(self._directory / "inventory.toml")
            boards = {e.name for e in self._authority.issued() if not e.revoked and e.role in ("node", "gateway")}
            return {
                "city": inventory.city,
                "boards": sorted(boards),
                "things": sorted(inventory.ids("thing")),
                "centers": list(CENTERS),
                "open": self._work.open(),
                "asks_collector": self._collector is not None,
            }

    def commission(self, told: Any) -> dict[str, Any]:
        """``{"mounting": {…}, "photo": "base64"}``; return the signed record, open until ``finish``."""
        if not isinstance(told, dict) or set(told) - {"mounting", "photo"}:
            raise ProvisionError("expected mounting and photo")
        mounting = read_mounting(told.get("mounting"))
        photo = _photo(told.get("photo", ""))
        with self._lock:
            signed = self._work.commission(mounting, photo)
            if (self._directory / "broker").is_dir():
                write_rights(self._directory)
            return signed

    def finish(self, told: Any) -> dict[str, Any]:
        """``{"board": "park-0001"}``: ask the collector once what came of it."""
        if not isinstance(told, dict) or not isinstance(told.get("board"), str):
            raise ProvisionError("board: expected text")
        if self._collector is None:
            raise ProvisionError("no collector was named when the page was started")
        with self._lock:
            return self._work.finish(read_label(told["board"]).id, self._collector, 0)


def _photo(text: Any) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise ProvisionError("photo: expected base64") from None
