"""Which of the two versions of the application starts? The tried one, if it is whole and has not failed too often.

A slot is a folder, ``a`` or ``b``, with the files of one release and its ``manifest.json``. ``slot.json`` is replaced
by renaming:

    {"active": "b", "trial": 1, "rests": 0, "confirmed": 11, "failed": [9]}

``trial`` counts the starts of a version that is not confirmed yet (null: it is), ``rests`` those that ended in sleep as
they should; ``confirmed`` is the highest release that ever was; ``failed`` are releases that were tried and gave up.
"""

import json
import os

_IS_AT_ROOT = __name__ == "slots"  # of the board's file system; the application has a copy of its own
if _IS_AT_ROOT:
    from durable import digest, replace
else:
    from firmware.boot.durable import digest, replace

ATTEMPTS = 3
RESTS = 100
MANIFEST = "manifest.json"
_FAILED_KEPT = 8


class Slots:
    """In ``folder``, which may be empty: then slot ``a`` is active and confirmed."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        kept = _read(folder + "/slot.json")
        self.active = kept["active"] if kept.get("active") in ("a", "b") else "a"
        self.trial = kept["trial"] if type(kept.get("trial")) is int else None
        self._rests = kept["rests"] if type(kept.get("rests")) is int else 0
        self.confirmed = kept["confirmed"] if type(kept.get("confirmed")) is int else 0
        self.failed = kept["failed"] if type(kept.get("failed")) is list else []

    def path(self, slot: str) -> str:
        return self._folder + "/" + slot

    def idle(self) -> str:
        """The slot that an update may fill."""
        return "b" if self.active == "a" else "a"

    def manifest(self, slot: str) -> dict:
        """Empty where there is none."""
        return _read(self.path(slot) + "/" + MANIFEST)

    def release(self, slot: str) -> int:
        number = self.manifest(slot).get("release", 0)
        return number if type(number) is int else 0

    def is_whole(self, slot: str) -> bool:
        """Whether every file of its manifest is there, octet for octet."""
        files = self.manifest(slot).get("files")
        if type(files) is not list or not files:
            return False
        return all(self.has(slot, file) for file in files)

    def has(self, slot: str, file: dict) -> bool:
        """Whether this file of a manifest stands in the slot, read back from flash."""
        try:
            path = self.path(slot) + "/" + file["path"]
            return os.stat(path)[6] == file["size"] and digest(path) == file["sha256"]
        except (OSError, KeyError, TypeError):  # not there, or a manifest of nonsense
            return False

    # ---- at boot

    def start(self, is_wake: bool = False) -> str:
        """The slot to start; counts the attempt of one that is on trial, durably, before it runs.

        ``is_wake``: from deep sleep, when nothing can have changed and reading the files would cost the battery.
        """
        if is_wake and self.trial is None:
            return self.active
        is_over = self.trial is not None and (self.trial >= ATTEMPTS or self._rests >= RESTS)
        if is_over or (self.trial is not None and not self.is_whole(self.active)):
            self._give_up()
        if self.trial is None and not self.is_whole(self.active) and self.is_whole(self.idle()):
            self.active = self.idle()
            self._save()
        if self.trial is not None:
            self.trial += 1
            self._save()
        return self.active

    def _give_up(self) -> None:
        self.failed = (self.failed + [self.release(self.active)])[-_FAILED_KEPT:]
        self.active, self.trial = self.idle(), None
        self._save()

    def rest(self) -> None:
        """This start of a version on trial ends in sleep: it did not fail."""
        self.trial, self._rests = 0, self._rests + 1
        self._save()

    # ---- of an update

    def refusal(self, release: int) -> str:
        """Why this release may not be tried; empty: it may."""
        newest = max(self.confirmed, self.release(self.active))
        if release <= newest:
            return "release " + str(release) + " is not above " + str(newest)
        return "release " + str(release) + " has failed here before" if release in self.failed else ""

    def try_idle(self) -> None:
        """The idle slot, filled and checked, starts next, on trial."""
        self.active, self.trial, self._rests = self.idle(), 0, 0
        self._save()

    def confirm(self) -> None:
        """The city has answered this version: it stays."""
        if self.trial is not None or self.confirmed < self.release(self.active):
            self.trial, self.confirmed = None, max(self.confirmed, self.release(self.active))
            self._save()

    def _save(self) -> None:
        kept = {"active": self.active, "trial": self.trial, "rests": self._rests}
        kept.update({"confirmed": self.confirmed, "failed": self.failed})
        replace(self._folder + "/slot.json", json.dumps(kept).encode())


def _read(path: str) -> dict:
    try:
        with open(path) as file:
            kept = json.loads(file.read())
    except (OSError, ValueError):
        return {}
    return kept if type(kept) is dict else {}
