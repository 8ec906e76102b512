"""How does any command switch a device? Whatever supply, socket or relay has a program of its own.

on = ["snmpset", "..."]     # a command and its arguments; it is given 20 s and must end with 0
off = ["snmpset", "..."]
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import Field

from hil_tests.instruments.drivers import Place
from hil_tests.instruments.process import BenchError
from hil_tests.instruments.scenario import Strict

_PATIENCE = 20  # s


class Settings(Strict):
    on: tuple[str, ...] = Field(min_length=1)
    off: tuple[str, ...] = Field(min_length=1)


class Switch:
    def __init__(self, settings: Settings, device: str) -> None:
        self._settings = settings
        self._device = device
        self.is_on: bool | None = None

    def off(self) -> None:
        self._do(self._settings.off)
        self.is_on = False

    def on(self) -> None:
        self._do(self._settings.on)
        self.is_on = True

    def _do(self, command: tuple[str, ...]) -> None:
        self.is_on = None
        what = f"power of {self._device}: {' '.join(command)}"
        try:
            done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_PATIENCE)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise BenchError(f"{what}: {error}") from None
        if done.returncode:
            raise BenchError(f"{what}: exit status {done.returncode} {(done.stderr or done.stdout).strip()}")


@contextmanager
def opened(settings: Settings, place: Place) -> Iterator[Switch]:
    yield Switch(settings, place.device)
