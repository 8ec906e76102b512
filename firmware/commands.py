"""May this be done, was it done, and does the city know? Signed commands, each carried out once.

A command is taken on durably before anything moves. After a crash between the act and the answer, the kind is asked
how things stand, and that is answered: nothing is done a second time. Only who has signed gets an answer, and one per
command, whoever sends it again; what a stranger sends is counted.
"""

import json

from firmware.boot.durable import replace
from firmware.contract import TEXT_LIMIT
from firmware.signature import COMMAND, UPDATE, may

REMEMBERED = 32  # ids that were answered
LATE_MS = 3600000  # an id is known for so long after its command has expired; what comes later gets no answer


class Commander:
    """``trust`` maps signers to what they may do.

    ``actors`` maps a thing to what carries out its commands: ``command(name, arguments, id)`` and ``outcome(name,
    arguments)``, both async, return (status, values, reason).
    """

    def __init__(self, folder: str, hal, outbox, trust: dict, actors: dict) -> None:
        self.refused = 0  # that get no answer
        self._journal = Journal(folder + "/commands.json")
        self._hal = hal
        self._outbox = outbox
        self._trust = trust
        self._actors = actors

    async def finish(self) -> None:
        """Answer what was taken on before the last start."""
        begun = self._journal.begun
        if begun is not None:
            actor = self._actors.get(begun["thing"])
            if actor is None:
                self.answer(begun["id"], ("failed", {}, "interrupted"))
            else:
                self.answer(begun["id"], await actor.outcome(begun["name"], begun["arguments"]))
            self._journal.end(begun)

    async def handle(self, command: dict, retained: bool) -> None:
        """One command that who it names has signed, to its answer."""
        if self._journal.knows(command["id"]):
            return  # its answer waits in the outbox, or has left
        now = self._hal.now_ms() or 0
        self._journal.forget(now - LATE_MS)
        if command["expires"] <= now - LATE_MS or self._journal.is_full():
            self.refused += 1  # an answer that nobody would remember could be asked for without end
            print("commands: " + command["id"] + " is too late, or one too many")
            return
        refusal = self._refusal(command, retained) or self._begin(command)
        if refusal:
            self.answer(command["id"], refusal)
            self._journal.end(command)
            return
        actor = self._actors[command["thing"]]
        self.answer(command["id"], await actor.command(command["name"], command["arguments"], command["id"]))
        self._journal.end(command)

    def _begin(self, command: dict) -> tuple | None:
        try:
            self._journal.begin(command)
        except OSError as error:
            return "failed", {}, "flash: " + str(error)
        return None

    def _refusal(self, command: dict, retained: bool) -> tuple | None:
        """What is right in form and signature may still not be done."""
        now = self._hal.now_ms()
        reason = ""
        if retained:
            reason = "a command must not be retained"
        elif now is None or self._hal.clock_source() not in ("ntp", "host"):
            reason = "the clock is not trusted"
        elif command["expires"] <= now:
            return "expired", {}, ""
        elif command["thing"] not in self._actors:
            reason = "not my thing"
        elif not may(self._trust, command, UPDATE if command["name"] == "update" else COMMAND):
            reason = command["by"] + " may not ask for this"
        return ("refused", {}, reason) if reason else None

    def answer(self, identifier: str, outcome: tuple) -> None:
        status, values, reason = outcome
        while len(reason.encode()) > TEXT_LIMIT:
            reason = reason[:-16]
        result = {"id": identifier, "status": status}
        if values:
            result["values"] = values
        if reason:
            result["reason"] = reason
        self._outbox.append_result(result, self._hal.now_ms(), self._hal.monotonic_ms())


class Journal:
    """What was taken on and what was answered, on flash: one small file, replaced by renaming."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.begun = None
        self._answered = {}  # id: when it expires, ms UTC
        try:
            with open(path) as file:
                kept = json.loads(file.read())
            self.begun, self._answered = kept["begun"], kept["answered"]
        except (OSError, ValueError, KeyError, TypeError):
            pass  # none yet; a file is replaced as a whole, so it is never half a one

    def knows(self, identifier: str) -> bool:
        return identifier in self._answered or (self.begun is not None and self.begun["id"] == identifier)

    def is_full(self) -> bool:
        return len(self._answered) >= REMEMBERED

    def forget(self, before: int) -> None:
        """What had expired then."""
        self._answered = {one: expires for one, expires in self._answered.items() if expires > before}

    def begin(self, command: dict) -> None:
        """Raises OSError: what can't be kept is not begun."""
        self.begun = {key: command[key] for key in ("id", "thing", "name", "arguments", "expires")}
        self._save()

    def end(self, command: dict) -> None:
        """On a flash that can't be written, the next start answers once more; nothing is done once more."""
        self.begun = None
        self._answered[command["id"]] = command["expires"]
        try:
            self._save()
        except OSError as error:
            print("commands: flash: " + str(error))

    def _save(self) -> None:
        replace(self._path, json.dumps({"begun": self.begun, "answered": self._answered}).encode())
