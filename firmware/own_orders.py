"""What may the city ask of the node itself? To restart, and to take an update; the answer may come from the next boot.

An update is accepted at once. It is done when the new version has proved itself (``firmware/trial.py``), and failed
when it did not come, when a restart cut it short, or when the board went back to the version before.
"""

import json
import os

from firmware.boot.durable import replace


class OwnOrders:
    """``answer(id, (status, values, reason))`` tells the city; ``restart()`` starts the board again.

    ``slots()`` opens the two of the application, ``updater(slots)`` makes who fetches a release: the code of either is
    loaded for that only.
    """

    def __init__(self, folder: str, slots, updater, answer, restart) -> None:
        self._path = folder + "/update.json"
        self._slots = slots
        self._updater = updater
        self._answer = answer
        self._restart = restart
        self._identifier, self._url = "", None
        self._pending = self._load()  # {"id": of the command, "release": that it wants; 0: it is still being fetched}

    def take(self, name: str, arguments: dict, identifier: str) -> tuple:
        """``restart``, or ``update`` with ``url``: (status, values, reason). ``carry_out`` does it."""
        if name == "restart":
            return "done", {}, ""
        if name != "update":
            return "refused", {}, "unknown command"
        if type(arguments.get("url")) is not str:
            return "refused", {}, "arguments.url: expected text"
        if self._pending is not None:
            return "refused", {}, "another update is on its way"
        try:
            self._keep(identifier, 0)
        except OSError as error:
            return "refused", {}, "flash: " + str(error)
        self._identifier, self._url = identifier, arguments["url"]
        return "accepted", {}, ""

    def outcome(self, name: str, _arguments: dict) -> tuple:
        """After a restart between the act and the answer."""
        return ("done", {}, "") if name == "restart" else ("failed", {}, "interrupted")

    async def carry_out(self) -> None:
        """Restarts, or returns when the update has failed."""
        if self._url is not None:
            from firmware.update import UpdateError

            try:
                slots = self._slots()
                number = await self._updater(slots).fill(self._url)
                self._keep(self._identifier, number)
                slots.try_idle()
            except (UpdateError, OSError) as error:
                print("update: " + str(error))
                self._end("failed", str(error))
                return
            print("update: release " + str(number) + " is tried")
        self._restart()

    def judge(self) -> None:
        """Is this boot the one that an update wanted? Then it is done with the first receipt; else it has failed."""
        if self._pending is None:
            return
        slots = self._slots()
        running = slots.release(slots.active)
        if not self._pending["release"]:
            self._end("failed", "interrupted")
        elif running != self._pending["release"]:
            self._end("failed", "went back to release " + str(running))
        elif slots.trial is None:  # the power went between the confirmation and its answer
            self.confirm()

    def confirm(self) -> None:
        """This version stays."""
        self._end("done", "")

    def _end(self, status: str, reason: str) -> None:
        if self._pending is not None:
            self._answer(self._pending["id"], (status, {}, reason))
            self._pending = None
            os.remove(self._path)

    def _keep(self, identifier: str, release: int) -> None:
        pending = {"id": identifier, "release": release}
        replace(self._path, json.dumps(pending).encode())
        self._pending = pending

    def _load(self) -> dict | None:
        try:
            with open(self._path) as file:
                return json.loads(file.read())
        except (OSError, ValueError):
            return None
