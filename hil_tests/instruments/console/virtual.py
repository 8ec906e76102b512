"""What does a program of the virtual city say? Its log file stands for the serial port of a board."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from hil_tests.cities.city import VirtualCity
from hil_tests.instruments.drivers import Place
from hil_tests.instruments.listener import Listener
from hil_tests.instruments.process import BenchError
from hil_tests.instruments.scenario import Strict

_PAUSE = 0.05  # s between two looks: so late may a stamp be


class Settings(Strict):
    pass


class Log(Listener):
    has_repl = False

    def __init__(self, city: VirtualCity, device: str, log: BinaryIO) -> None:
        self._city = city
        self._device = device
        self._log = log
        super().__init__(self._more)

    def reset(self) -> None:
        self._city.kill(self._device, pause=0)

    def run(self, code: str) -> str:
        raise BenchError(f"{self._device}: a program of the virtual city has no REPL to run {code!r}")

    def _more(self) -> bytes:
        octets = self._log.read()
        if not octets:
            time.sleep(_PAUSE)
        return octets


@contextmanager
def opened(_settings: Settings, place: Place) -> Iterator[Log]:
    city = place.virtual_city
    with city.programs[place.device].log.open("rb") as file:
        log = Log(city, place.device, file)
        try:
            yield log
        finally:
            log.stop()
