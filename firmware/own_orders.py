"""What may the city ask of the node itself? To restart, and to take an update; the answer may come from the next boot.

An update is accepted at once. It is done when the new version was confirmed by a receipt, and failed when it did not
come, or when the board went back to the version before.
"""

import asyncio
import json
import os

from firmware.boot.durable import replace
from firmware.update import UpdateError


class OwnOrders:
    """Carries out the commands whose thing is the publisher; ``restart()`` starts the board again."""

    def __init__(self, folder: str, slots, updater, answer, restart) -> None:
        self._path = folder + "/update.json"
        self._slots = slots
        self._updater = updater
        self._answer = answer  # (id of the command, (status, values, reason))
        self._restart = restart
        self._wanted = None  # (id, url)
        self._is_leaving = False
        self._pending = self._load()

    async def command(self, name: str, arguments: dict, identifier: str) -> tuple:
        """``restart``, or ``update`` with ``url``: (status, values, reason)."""
        if name == "restart":
            self._is_leaving = True
            return "done", {}, ""
        if name != "update":
            return "refused", {}, "unknown command"
        if type(arguments.get("url")) is not str:
            return "refused", {}, "arguments.url: expected text"
        if self._wanted is not None or self._pending is not None:
            return "refused", {}, "another update is on its way"
        self._wanted = identifier, arguments["url"]
        return "accepted", {}, ""

    async def outcome(self, name: str, _arguments: dict) -> tuple:
        """After a restart between the act and the answer."""
        return ("done", {}, "") if name == "restart" else ("failed", {}, "interrupted")

    def is_busy(self) -> bool:
        return self._wanted is not None or self._is_leaving

    def confirm(self) -> None:
        """A receipt has come: this version talks to the city."""
        if self._slots.trial is None and self._pending is None:
            return
        self._slots.confirm()
        if self._pending is not None:
            self._end("done", "")

    async def run(self) -> None:
        """Never returns."""
        self._judge()
        while True:
            if self._wanted is not None:
                await self._update(*self._wanted)
                self._wanted = None
            if self._is_leaving:
                self._restart()
            await asyncio.sleep_ms(100)

    def _judge(self) -> None:
        """Is this boot the one that an update wanted? Then it is done with the first receipt; else it has failed."""
        if self._pending is not None and self._slots.release(self._slots.active) != self._pending["release"]:
            self._end("failed", "went back to release " + str(self._slots.release(self._slots.active)))

    async def _update(self, identifier: str, url: str) -> None:
        try:
            number = await self._updater.fill(url)
        except UpdateError as error:
            self._answer(identifier, ("failed", {}, str(error)))
            return
        replace(self._path, json.dumps({"id": identifier, "release": number}).encode())
        self._slots.try_idle()
        print("update: release " + str(number) + " is tried")
        self._restart()

    def _end(self, status: str, reason: str) -> None:
        pending, self._pending = self._pending, None
        if pending is not None:
            self._answer(pending["id"], (status, {}, reason))
        os.remove(self._path)

    def _load(self) -> dict | None:
        try:
            with open(self._path) as file:
                return json.loads(file.read())
        except (OSError, ValueError):
            return None
