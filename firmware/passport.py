"""What does an outbox remember about itself? Its id, its boots and when they began, and what it had to drop.

One small JSON file, replaced by writing a new one and renaming it over the old (atomic on LittleFS and POSIX).
"""

import binascii
import json
import os

from firmware.boot.durable import replace

DROPPED_LIMIT = 16  # ranges kept; the collector has had the older ones in the retained state


class Passport:
    """``offsets`` maps a boot to [ms UTC of its monotonic zero, estimated]; ``dropped`` holds inclusive ranges."""

    def __init__(self, folder: str) -> None:
        self._path = folder + "/passport"
        self.id = ""
        self.boot = 0
        self.offsets = {}
        self.dropped = []
        self._load()

    def _load(self) -> None:
        try:
            with open(self._path) as file:
                kept = json.loads(file.read())
            offsets = {int(boot): [int(start), bool(estimated)] for boot, (start, estimated) in kept["offsets"].items()}
            dropped = [[int(first), int(last)] for first, last in kept["dropped"]]
            self.id, self.boot, self.offsets, self.dropped = str(kept["id"]), int(kept["boot"]), offsets, dropped
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass  # absent or damaged: the segments know the id as well, else the outbox starts a new one

    def begin(self, known_id: str, known_boot: int, pending, is_wake: bool = False) -> None:
        """Count this boot.

        ``known_id`` is what the segments say (empty: nothing sound is left, so this is a new outbox, whose numbers
        may start at 1), ``pending`` the boots that still have records without a stamp. ``is_wake``: one of thousands
        a day. It wears no flash: a boot that keeps something stands in its record, and any other is not missed.
        """
        is_known = bool(known_id) and self.id == known_id
        if known_id:
            self.id = self.id or known_id
        else:
            self.id, self.dropped = str(binascii.hexlify(os.urandom(4)), "ascii"), []
        offsets = {boot: start for boot, start in self.offsets.items() if boot in pending}
        is_same = len(offsets) == len(self.offsets)
        self.offsets = offsets
        self.boot = max(self.boot, known_boot) + 1
        if not (is_wake and is_known and is_same):
            self.save()

    def drop(self, seq: int) -> None:
        """Remember that ``seq`` was given to a reading that could not be kept."""
        if self.dropped and self.dropped[-1][1] == seq - 1:
            self.dropped[-1][1] = seq
        else:
            self.dropped = (self.dropped + [[seq, seq]])[-DROPPED_LIMIT:]
        self.save()

    def save(self) -> bool:
        """Return whether it is durable; on a full disk what is in memory goes on counting, and state tells it."""
        kept = {
            "id": self.id,
            "boot": self.boot,
            "offsets": {str(boot): start for boot, start in self.offsets.items()},
            "dropped": self.dropped,
        }
        try:
            replace(self._path, json.dumps(kept).encode())
        except OSError:
            return False
        return True
