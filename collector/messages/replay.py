"""Which messages must a gateway send again? What a collector misses that was restored from a backup.

A publisher repeats by itself what has no receipt. A gap that stays open longer than that was receipted once, by a
collector that has forgotten it since. Gateways keep receipted messages, so they are asked; nodes delete them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple
from uuid import uuid4

from collector.ledger import Account, Key
from collector.ranges import Ranges

PATIENCE = 60_000  # ms: three times what a publisher waits before it repeats
LONGEST = 24 * 3_600_000  # ms between two questions for the same gap
VALID = 60_000  # ms that a command may be late
RANGES = 20  # per question and outbox; the rest is asked for when these have come


class Wanted(NamedTuple):
    """Sequence numbers of one outbox, both ends included."""

    publisher: str
    outbox: str
    first: int
    last: int


@dataclass(slots=True)
class _Gap:
    missing: Ranges
    due: int
    wait: int


class Replays:
    """What is missing since when. The caller brings the time, ms UTC."""

    def __init__(self, patience: int = PATIENCE) -> None:
        self._patience = patience
        self._gaps: dict[Key, _Gap] = {}

    def due(self, accounts: Iterable[Account], now: int) -> list[Wanted]:
        """What to ask for now. A gap that shrinks is given time; one that stays is asked for ever more rarely."""
        wanted: list[Wanted] = []
        seen = set()
        for account in accounts:
            key = account.publisher, account.outbox
            missing = account.missing
            if account.closed or not missing:
                continue
            seen.add(key)
            gap = self._gaps.get(key)
            if gap is None or gap.missing[0][0] != missing[0][0]:
                self._gaps[key] = _Gap(missing, now + self._patience, self._patience)
            elif now >= gap.due:
                gap.wait = min(2 * gap.wait, LONGEST)
                gap.due = now + gap.wait
                # What is missing at the end since the gap was seen may still be on its way.
                old = [pair for pair in missing if pair[0] <= gap.missing[-1][1]]
                wanted += [Wanted(*key, first, min(last, gap.missing[-1][1])) for first, last in old[:RANGES]]
                gap.missing = missing
        self._gaps = {key: gap for key, gap in self._gaps.items() if key in seen}
        return wanted


def command(wanted: Wanted, now: int) -> dict[str, object]:
    """The command to that publisher, unsigned; ``expires`` in ms UTC."""
    return {
        "id": uuid4().hex,
        "thing": wanted.publisher,
        "name": "replay",
        "arguments": {"outbox": wanted.outbox, "from": wanted.first, "to": wanted.last},
        "expires": now + VALID,
        "by": "collector",
    }
