"""How does a USB hub switch a device? By ``uhubctl``, a program of its own, on a hub that can switch each port.

hub = "1-1"       # where the hub hangs, as uhubctl names it
port = 2
"""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import Field

from hil_tests.instruments.drivers import Place
from hil_tests.instruments.process import BenchError
from hil_tests.instruments.scenario import Strict

_PATIENCE = 20  # s


class Settings(Strict):
    hub: str = Field(pattern=r"^\d+(-\d+(\.\d+)*)?$")
    port: int = Field(ge=1, le=31)


class HubPort:
    def __init__(self, settings: Settings, device: str) -> None:
        self._where = ["-l", settings.hub, "-p", str(settings.port)]
        # "Current status for hub 1-1 [...]" (or "New"), then "  Port 2: 0503 power highspeed ..." or "0000 off"
        line = rf"^(?:Current|New) status for hub (\S+).*\n *Port {settings.port}: [0-9a-f]{{4}} (power|off)\b"
        self._line = re.compile(line, re.MULTILINE)
        self._device = device

    @property
    def is_on(self) -> bool:
        return self._said()

    def off(self) -> None:
        self._switch("off", is_on=False)

    def on(self) -> None:
        self._switch("on", is_on=True)

    def _switch(self, action: str, *, is_on: bool) -> None:
        if self._said("-a", action) != is_on:
            raise BenchError(f"power of {self._device}: the hub was told {action} and did not do it")

    def _said(self, *more: str) -> bool:
        """By the last that is said of each hub: one of USB 3 is two, and uhubctl switches both."""
        try:
            command = ["uhubctl", *self._where, *more]
            done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_PATIENCE)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise BenchError(f"power of {self._device}: {error}") from None
        states = dict(self._line.findall(done.stdout))
        if done.returncode or not states:
            raise BenchError(f"power of {self._device}: uhubctl: {(done.stderr or done.stdout).strip()}")
        return "power" in states.values()


@contextmanager
def opened(settings: Settings, place: Place) -> Iterator[HubPort]:
    yield HubPort(settings, place.device)
