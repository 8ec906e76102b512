"""Which personal data is about to leave, and is it in the log before it does? One line for all that an answer holds."""

import asyncio

from collector.access.asker import Asker
from collector.access.audit import Audit

MOST = 1_000  # pseudonyms that one line names; of more, it says how many


class Reads:
    """What one request has read so far. ``note`` while reading, ``log`` before each part of the answer leaves."""

    def __init__(self, audit: Audit, asker: Asker, what: str) -> None:
        self._audit = audit
        self._asker = asker
        self._what = what
        self._waiting: dict[str, None] = {}
        self._logged: set[str] = set()

    def note(self, pseudonym: str) -> None:
        if pseudonym not in self._logged:
            self._waiting[pseudonym] = None

    async def log(self) -> None:
        """Durable on return; raises OSError, and then nothing may leave."""
        if not self._waiting:
            return
        things = list(self._waiting)
        self._waiting.clear()
        self._logged.update(things)
        await asyncio.to_thread(
            self._audit.write,
            "read",
            self._asker.name,
            why=self._asker.purpose,
            what=self._what,
            things=things[:MOST],
            count=len(things),
        )
