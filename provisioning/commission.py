"""How does a board come into use at its place? A signed record of who mounted it where, finished when it was heard.

What can't be asked without a network stands in the record as open; ``finish`` signs a second record when it was seen.
"""

import hashlib
import time
from pathlib import Path
from typing import Any

from provisioning import ProvisionError
from provisioning.authority import Authority
from provisioning.certificate import fingerprint
from provisioning.durable import replace_file
from provisioning.inventory import Inventory
from provisioning.mounting import FAR_M, Mounting, metres_between
from provisioning.record import sign
from provisioning.register import Register
from provisioning.seen import NOTHING, Collector, Seen, wait_until_seen
from provisioning.stock import export, take_stock

LARGEST_PHOTO = 20 * 1024 * 1024


class Commissioning:
    """The boards of one directory; ``authority`` holds the key that signs."""

    def __init__(self, directory: Path, authority: Authority, by: str) -> None:
        self._directory = directory
        self._authority = authority
        self._by = by

    def check(self, mounting: Mounting) -> None:
        """Raise ProvisionError when this board can't be commissioned like this."""
        board = mounting.label.id
        holder = self._authority.holder(board)
        if holder is None or holder.role not in ("node", "gateway"):
            raise ProvisionError(f"{board}: has no valid certificate of a node or gateway")
        made = fingerprint(self._authority.certificate_of(board))
        if not made.startswith(mounting.label.fingerprint):
            raise ProvisionError(
                f"{board}: the label is of another certificate: print a new one, or it is another board"
            )
        inventory = Inventory(self._directory / "inventory.toml")
        known = {entry["id"]: entry for entry in inventory.entries("thing")}
        if mounting.thing not in known:
            if not mounting.center:
                raise ProvisionError(f"center: {mounting.thing} is new: whose is it?")
            return
        place = known[mounting.thing].get("location")
        here = (mounting.longitude, mounting.latitude)
        if place and not mounting.moves_thing and (far := metres_between(here, tuple(place[:2]))) > FAR_M:
            raise ProvisionError(
                f"longitude, latitude: {mounting.thing} is {far:.0f} m from here; say that it moves, if that is right"
            )
        taken = [
            entry["id"]
            for entry in inventory.entries("publisher")
            if mounting.thing in entry.get("things", [])
            and entry["id"] != board
            and self._authority.holder(entry["id"])
        ]
        if taken:
            raise ProvisionError(f"{mounting.thing}: {taken[0]} speaks for it; replace or retire that one first")

    def commission(
        self, mounting: Mounting, photo: bytes = b"", collector: Collector | None = None, seconds: float = 0
    ) -> dict[str, Any]:
        """Check, record and return the record with its signature; a second call with the same changes nothing."""
        self.check(mounting)
        if len(photo) > LARGEST_PHOTO:
            raise ProvisionError(f"photo: larger than {LARGEST_PHOTO >> 20} MiB")
        register = take_stock(self._directory, self._by)
        board = mounting.label.id
        content = self._content(mounting, photo)
        before = _commissioning(register, board)
        if before and all(before["record"].get(key) == value for key, value in content.items()):
            return before
        if photo:
            replace_file(self._directory / "photos" / f"{content['photo']}.jpg", photo)
        now = time.time_ns() // 1_000_000
        seen = wait_until_seen(collector, board, mounting.thing, now, seconds) if collector else NOTHING
        signed = self._signed(content | {"at": now, "by": self._by, "finishes": ""}, seen)
        self._place_thing(register, mounting)
        fields = {"status": signed["record"]["status"], "things": self._things(board, mounting.thing)}
        register.record(f"board:{board}", "commissioned", self._by, fields | {"commissioning": signed})
        export(self._directory, register)
        return signed

    def finish(self, board: str, collector: Collector, seconds: float) -> dict[str, Any]:
        """Ask for what is open since it was mounted; what is still not seen stays open."""
        register = take_stock(self._directory, self._by)
        before = _commissioning(register, board)
        if before is None:
            raise ProvisionError(f"{board}: was not commissioned; there is nothing to finish")
        record = before["record"]
        if record["status"] == "in use":
            return before
        seen = wait_until_seen(collector, board, record["thing"], record["at"], seconds)
        if not seen.is_whole:
            return before
        digest = hashlib.sha256(before["signature"].encode()).hexdigest()
        signed = self._signed(record | {"by": self._by, "finishes": digest}, seen)
        register.record(
            f"board:{board}", "finished", self._by, {"status": signed["record"]["status"], "commissioning": signed}
        )
        return signed

    def open(self) -> list[str]:
        """The boards whose first reading was not seen yet."""
        subjects = take_stock(self._directory, self._by).standing().subjects
        return [s.partition(":")[2] for s, fields in subjects.items() if fields.get("status") == "open"]

    def _content(self, mounting: Mounting, photo: bytes) -> dict[str, Any]:
        return {
            "board": mounting.label.id,
            "certificate": fingerprint(self._authority.certificate_of(mounting.label.id)),
            "thing": mounting.thing,
            "position": [mounting.longitude, mounting.latitude],
            "accuracy": mounting.accuracy,
            "source": mounting.source,
            "height": mounting.height,
            "orientation": mounting.orientation,
            "photo": hashlib.sha256(photo).hexdigest() if photo else "",
        }

    def _signed(self, record: dict[str, Any], seen: Seen) -> dict[str, Any]:
        record = record | {
            "status": "in use" if seen.is_whole else "open",
            "state": seen.state,
            "reading": seen.reading,
        }
        signer = fingerprint(self._authority.certificate)
        return {"record": record, "signature": sign(record, self._authority.key), "signer": signer}

    def _things(self, board: str, thing: str) -> list[str]:
        entries = Inventory(self._directory / "inventory.toml").entries("publisher")
        spoken = next((list(e.get("things", [])) for e in entries if e["id"] == board), [])
        return spoken if thing in spoken else [*spoken, thing]

    def _place_thing(self, register: Register, mounting: Mounting) -> None:
        """A new thing comes into the register; one that is known is moved only when it has no place or is said to."""
        known = register.standing().subjects.get(f"thing:{mounting.thing}", {})
        here = [mounting.longitude, mounting.latitude]
        fields: dict[str, Any] = {}
        if not known:
            names = dict.fromkeys(("sl", "it", "en"), mounting.thing)
            fields = {"names": names, "center": mounting.center, "location": here}
        elif not known.get("location") or mounting.moves_thing:
            fields = {"location": here + known.get("location", [])[2:]}
        if fields:
            register.record(f"thing:{mounting.thing}", "placed", self._by, fields)


def _commissioning(register: Register, board: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = register.standing().subjects.get(f"board:{board}", {}).get("commissioning")
    return found
