"""How is a release rolled out? What was heard goes into the rings, what they decide is kept, and only then done."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple, Protocol

from provisioning import rings
from provisioning.rings import Node, Rollout
from provisioning.rollout_journal import Journal
from provisioning.rollout_link import Heard, LinkError

VALID_MS = 600_000  # of a command; it is signed again with each repetition
_TICK_S = 0.2
_PAUSE_S = 3.0


class Line(Protocol):
    """What a rollout needs of a connection."""

    async def heard(self, seconds: float) -> Heard | None: ...

    def acknowledge(self, heard: Heard) -> None: ...

    def command(self, publisher: str, command: dict[str, Any]) -> None: ...

    def leave(self) -> None: ...


class Laptop(NamedTuple):
    """The world: a connection, a signature, the time in ms UTC, and someone to tell (publisher or "", what)."""

    opening: Callable[[], AbstractAsyncContextManager[Line]]
    signed: Callable[[Mapping[str, Any]], dict[str, Any]]
    now_ms: Callable[[], int]
    tell: Callable[[str, str], None]


async def run(journal: Journal, rollout: Rollout, laptop: Laptop) -> Rollout:
    """Until it is finished or halted. What happens without a connection, or without us, is nobody's fault."""
    while not rings.is_settled(rollout, laptop.now_ms()):
        try:
            async with laptop.opening() as line:
                rollout = _kept(journal, rings.watched_again(rollout, laptop.now_ms()), laptop)
                rollout = await _watch(journal, rollout, laptop, line)
                line.leave()
        except LinkError as error:
            laptop.tell("", f"no connection: {error}; trying again")
            # What was kept before the connection went is where it goes on.
            rollout = _kept(journal, _halted_if_asked(journal, journal.rollout or rollout), laptop)
            await asyncio.sleep(_PAUSE_S)
    return rollout


async def _watch(journal: Journal, rollout: Rollout, laptop: Laptop, line: Line) -> Rollout:
    while not rings.is_settled(rollout, laptop.now_ms()):
        heard = await line.heard(_TICK_S)
        if heard is not None:
            rollout = _kept(journal, _after(rollout, heard, laptop.now_ms()), laptop)
            line.acknowledge(heard)
        rollout, asked = rings.step(_halted_if_asked(journal, rollout), laptop.now_ms())
        rollout = _kept(journal, rollout, laptop)
        for node in asked:
            line.command(node.publisher, laptop.signed(_command(rollout, node, laptop.now_ms())))
    return rollout


def _after(rollout: Rollout, heard: Heard, now: int) -> Rollout:
    if heard.channel == "result":
        return rings.heard_result(rollout, heard.publisher, heard.message, now)
    return rings.heard_state(rollout, heard.publisher, heard.message, now, retained=heard.is_retained)


def _command(rollout: Rollout, node: Node, now: int) -> dict[str, Any]:
    return {
        "id": rings.identifier(rollout, node),
        "thing": node.publisher,
        "name": "update",
        "arguments": {"url": rollout.url},
        "expires": now + VALID_MS,
    }


def _halted_if_asked(journal: Journal, rollout: Rollout) -> Rollout:
    return rings.halted(rollout, "by hand") if journal.is_halt_asked() else rollout


def _kept(journal: Journal, rollout: Rollout, laptop: Laptop) -> Rollout:
    for publisher, what in journal.keep(rollout, laptop.now_ms()):
        laptop.tell(publisher, what)
    return rollout
