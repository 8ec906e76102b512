"""How are pulses counted out exactly? A pin of a spare board with MicroPython pulls the input down, and says how often.

port = "/dev/serial/by-id/..."    # of the spare board; its ground is the node's
pin = 4                           # open drain, as a reed contact is
"""

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import Field

from hil_tests.instruments.drivers import Place
from hil_tests.instruments.process import BenchError
from hil_tests.instruments.scenario import Strict
from hil_tests.instruments.spare_board import run

_CLOSED_MS, _OPEN_MS = 60, 140  # a contact must be quiet for 20 ms in either state
_CODE = """
import time
from machine import Pin
pin = Pin({pin}, Pin.OPEN_DRAIN, value=1)
given = 0
for _ in range({count}):
    pin.value(0)
    time.sleep_ms({closed})
    pin.value(1)
    time.sleep_ms({open})
    given += 1
print(given)
"""
_LEVEL = """
from machine import Pin
Pin({pin}, Pin.OPEN_DRAIN, value={level})
print({level})
"""


class Settings(Strict):
    port: str = Field(min_length=1)
    pin: int = Field(ge=0, le=48)


class Generator:
    def __init__(self, settings: Settings, what: str) -> None:
        self._settings = settings
        self._what = what

    def show(self, value: float) -> None:
        if value not in (0, 1):
            raise BenchError(f"{self._what}: a contact is shown 0 or 1, no {value:g}")
        self._run(_LEVEL.format(pin=self._settings.pin, level=int(value == 0)), 0, str(int(value == 0)))

    def pulse(self, count: int) -> None:
        code = _CODE.format(pin=self._settings.pin, count=count, closed=_CLOSED_MS, open=_OPEN_MS)
        self._run(code, count * (_CLOSED_MS + _OPEN_MS) / 1000, str(count))

    def rest(self) -> None:
        self.show(0)

    def _run(self, code: str, seconds: float, expected: str) -> None:
        said = run(self._settings.port, code, seconds, self._what)
        if said != expected:
            raise BenchError(f"{self._what}: the board says {said!r} instead of {expected}")


@contextmanager
def opened(settings: Settings, place: Place) -> Iterator[Generator]:
    yield Generator(settings, f"{place.wire} of {place.device}")
