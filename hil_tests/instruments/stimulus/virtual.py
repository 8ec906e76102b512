"""How is a simulated sensor shown something? By a file that it looks at before it answers.

A distance in metres, an analogue input in millivolts, a contact as 1 (closed) or 0. A meter that is turned by hand does
not turn by itself.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hil_tests.instruments import shown
from hil_tests.instruments.drivers import Place
from hil_tests.instruments.process import BenchError
from hil_tests.instruments.scenario import Strict
from hil_tests.instruments.water_meter import BY_HAND_S

STILL: Mapping[str, Mapping[str, Any]] = {"water": {"flow": [[0.0, 0.0]]}}
"""By kind: how its sensor behaves while nobody shows it anything."""
_AHEAD = 0.3  # s: pulses begin so much later, so that no answer that is just being given has seen beyond their begin


class Settings(Strict):
    pass


class Hand:
    def __init__(self, file: Path, thing: str, wire: str) -> None:
        self._file = file
        self._thing = thing
        self._wire = wire
        self._turns: list[tuple[int, int]] = []

    def show(self, value: float) -> None:
        if self._turns:
            raise BenchError(f"{self._wire} of {self._thing}: a pulse input is shown pulses, no {value:g}")
        shown.write(self._file, self._thing, self._wire, value)

    def pulse(self, count: int) -> None:
        self._turns.append((time.time_ns() // 1_000_000 + int(_AHEAD * 1000), count))
        shown.write(self._file, self._thing, self._wire, self._turns)
        time.sleep(_AHEAD + count * BY_HAND_S)

    def rest(self) -> None:
        """Pulses that were given stay given."""
        if not self._turns:
            shown.write(self._file, self._thing, self._wire, None)


@contextmanager
def opened(_settings: Settings, place: Place) -> Iterator[Hand]:
    plan = place.virtual_city.plan
    thing = next(one.thing.id for one in plan.nodes if one.publisher == place.device)
    yield Hand(plan.directory / shown.NAME, thing, place.wire)
