"""How does a new application come into the idle slot? Fetched, checked, read back, and only then tried.

Files that are right already are not fetched again, so an update that was cut short goes on where it stopped.
"""

import asyncio
import gc
import os

from firmware import release
from firmware.boot.durable import digesting, replace, sync
from firmware.boot.slots import MANIFEST
from firmware.contract import ContractError
from firmware.download import DownloadError, fetch
from firmware.signature import UPDATE, may

_SPARE = 16384  # bytes of flash that the outbox keeps to itself


class UpdateError(Exception):
    """This release does not come here; the text says why."""


class Updater:
    """``keys.signed(message)`` and ``trust`` say whose releases are taken; ``context`` is the node's TLS."""

    def __init__(self, slots, keys, trust: dict, context) -> None:
        self._slots = slots
        self._keys = keys
        self._trust = trust
        self._context = context

    async def fill(self, url: str) -> int:
        """Fetch the release at ``url`` (a folder with ``manifest.json``) into the idle slot; return its number.

        Raises UpdateError. The active slot is not touched; what was in the idle one is lost.
        """
        payload = bytearray()
        gc.collect()
        try:
            await fetch(url + "/" + MANIFEST, self._context, release.LARGEST, payload.extend)
            manifest = release.decode(bytes(payload))
            await self._permit(manifest)
            slot = self._slots.idle()
            await self._make_room(slot, manifest)
            for file in manifest["files"]:
                gc.collect()
                if not await self._has(slot, file):
                    await self._fetch(url, slot, file)
        except (DownloadError, ContractError) as error:
            raise UpdateError(str(error)) from None
        except OSError as error:
            raise UpdateError("flash: " + str(error)) from None
        # Last: a slot with a manifest is a slot whose files were all there.
        replace(self._slots.path(slot) + "/" + MANIFEST, bytes(payload))
        return manifest["release"]

    async def _permit(self, manifest: dict) -> None:
        if not await self._keys.signed(manifest):
            raise UpdateError("not signed by " + manifest["by"])
        if not may(self._trust, manifest, UPDATE):
            raise UpdateError(manifest["by"] + " may not release here")
        if self._slots.trial is not None:
            raise UpdateError("the version that runs is not confirmed yet")
        refusal = self._slots.refusal(manifest["release"])
        if refusal:
            raise UpdateError(refusal)

    async def _make_room(self, slot: str, manifest: dict) -> None:
        folder = self._slots.path(slot)
        try:
            os.mkdir(folder)
        except OSError:
            pass  # it is there
        wanted = []
        for file in manifest["files"]:  # MicroPython has no await in a comprehension
            if await self._has(slot, file):
                wanted.append(file["path"])
        for name in os.listdir(folder):
            if name not in wanted:
                os.remove(folder + "/" + name)  # the manifest of the old release goes with its files
        missing = sum(file["size"] for file in manifest["files"] if file["path"] not in wanted)
        found = os.statvfs(folder)
        if found[0] * found[3] < missing + _SPARE:
            raise UpdateError("no room: " + str(missing) + " bytes are needed")

    async def _fetch(self, url: str, slot: str, file: dict) -> None:
        path = self._slots.path(slot) + "/" + file["path"]
        with open(path + ".new", "wb") as target:
            size = await fetch(url + "/" + file["path"], self._context, file["size"], target.write)
            sync(target)
        if size != file["size"]:
            raise UpdateError(file["path"] + ": " + str(size) + " bytes, expected " + str(file["size"]))
        os.rename(path + ".new", path)
        if not await self._has(slot, file):
            os.remove(path)
            raise UpdateError(file["path"] + ": another SHA-256 than the manifest says")

    async def _has(self, slot: str, file: dict) -> bool:
        """As ``slots.has``, without holding up the loop."""
        path, found = self._slots.path(slot) + "/" + file["path"], ""
        try:
            if os.stat(path)[6] != file["size"]:
                return False
            for text in digesting(path):
                found = text
                await asyncio.sleep(0)
        except OSError:
            return False
        return found == file["sha256"]
