"""How does a bench multimeter tell a current? By SCPI over a serial line or a socket: ``MEAS:CURR:DC?``, in ampere.

port = "/dev/serial/by-id/..."    # or tcp:host:5025
baud = 9600

Its readings are samples with gaps between them: a node that wakes for less than a reading takes needs many seconds.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import serial
from pydantic import Field

from hil_tests.instruments.drivers import Place, Port
from hil_tests.instruments.process import BenchError
from hil_tests.instruments.scenario import Strict

_ASK = b"MEAS:CURR:DC?\n"
_PATIENCE = 5.0  # s for one reading
_OVERLOAD = 1e30  # A: SCPI says 9.9E37 for what is over the range


class Settings(Strict):
    port: Port
    baud: int = Field(default=9600, ge=300, le=921_600)


class Multimeter:
    def __init__(self, line: Any, device: str) -> None:
        self._line = line
        self._device = device

    def mean(self, seconds: float) -> float:
        until = time.monotonic() + seconds
        readings = [self._ampere()]
        while time.monotonic() < until:
            readings.append(self._ampere())
        return 1000 * sum(readings) / len(readings)

    def _ampere(self) -> float:
        try:
            self._line.reset_input_buffer()
            self._line.write(_ASK)
            text = self._line.read_until(b"\n").decode("ascii", "replace").strip()
        except OSError as error:
            raise BenchError(f"current of {self._device}: {error}") from None
        try:
            found = float(text)
        except ValueError:
            raise BenchError(f"current of {self._device}: the multimeter says {text!r}") from None
        if abs(found) > _OVERLOAD:
            raise BenchError(f"current of {self._device}: over the range of the multimeter")
        return found


@contextmanager
def opened(settings: Settings, place: Place) -> Iterator[Multimeter]:
    url = settings.port.replace("tcp:", "socket://", 1)
    try:
        line = serial.serial_for_url(url, settings.baud, timeout=_PATIENCE)
    except OSError as error:
        raise BenchError(f"current of {place.device}: {error}") from None
    try:
        yield Multimeter(line, place.device)
    finally:
        line.close()
