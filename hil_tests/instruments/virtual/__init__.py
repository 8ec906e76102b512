"""Virtual sensors that outlive their nodes: one module per kind of node, found by its name.

A module has ``Settings``, its keys of the scenario, and ``serve(settings, site)``, which returns, for each name that
node.json's ``hal`` may have, what to do with a connection. What a sensor gives, it tells ``site.gave`` before the
answer leaves.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, NamedTuple

from hil_tests.instruments.disturbance import Disturbance, Disturbances
from hil_tests.instruments.fast_time import Clock
from hil_tests.instruments.shown import Shown
from hil_tests.instruments.truth import TruthFile

UNDISTURBED = Disturbances(None)
Connected = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


class Site(NamedTuple):
    """Where a sensor is: the thing it measures, the chance it is given, the time there, and where truth is kept."""

    thing: str
    seed: int
    clock: Clock
    begun_ms: int
    truth: TruthFile
    wires: Disturbances = UNDISTURBED
    hands: Shown | None = None

    def seconds(self) -> float:
        """Since the scenario began, in the time of its clock."""
        return self.clock.seconds_since(self.begun_ms)

    @property
    def wire(self) -> Disturbance:
        """What disturbs it now."""
        return self.wires.of(self.thing)

    def shown(self, wire: str) -> Any:
        """What somebody shows the sensor on this wire (``hil_tests.instruments.shown``); None where nobody does."""
        return None if self.hands is None else self.hands.to(self.thing, wire)

    def gave(self, values: Mapping[str, object]) -> None:
        """Raises OSError where the truth can't be kept."""
        self.truth.gave(self.thing, values, self.clock.now_ms())


def lines(answer: Callable[[dict[str, Any]], dict[str, Any] | None]) -> Connected:
    """One JSON line there, one back: pulses, pins, analogue inputs and I2C buses. None is silence."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (question := await reader.readline()).endswith(b"\n"):
            if (said := answer(json.loads(question))) is not None:
                writer.write(json.dumps(said, separators=(",", ":")).encode() + b"\n")
                await writer.drain()

    return serve


def answers(request: bytes, answer: Callable[[], bytes]) -> Connected:
    """A serial sensor that answers one request, as often as it comes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readexactly(len(request)) == request:
            writer.write(answer())
            await writer.drain()

    return serve
