"""How is a board listened to over a serial port: an adapter, a pty, or another computer's by RFC 2217?

port = "/dev/serial/by-id/..."     # or rfc2217://host:port; or, wherever it hangs:
serial_number = "0001A2"           # of the USB adapter
baud = 115200

Opening a port may reset the board: most adapters pull DTR and RTS for a moment. mpremote is a program that is started;
while it runs, nobody else has the port open, and nothing is heard.
"""

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self

import serial
from pydantic import Field, model_validator
from serial.tools.list_ports import comports

from hil_tests.instruments.drivers import Place
from hil_tests.instruments.listener import Listener
from hil_tests.instruments.mpremote import mpremote
from hil_tests.instruments.process import BenchError
from hil_tests.instruments.scenario import Strict

_PAUSE = 0.2  # s for octets, and between two tries to open a port that has gone
_PATIENCE = 60  # s for mpremote
_HELD = 0.1  # s in reset
_RESTART = b"\x03\x03\x02import machine; machine.reset()\r\n"  # interrupted twice, and out of the raw REPL


class Settings(Strict):
    port: str = ""
    serial_number: str = ""
    baud: int = Field(default=115200, ge=300, le=3_000_000)

    @model_validator(mode="after")
    def _is_somewhere(self) -> Self:
        if bool(self.port) == bool(self.serial_number):
            raise ValueError("port: either it or serial_number is needed")
        return self

    def found(self) -> str:
        """BenchError when no adapter has the number."""
        here = [one.device for one in comports() if one.serial_number == self.serial_number]
        if not self.port and not here:
            raise BenchError(f"no adapter here has the serial number {self.serial_number}")
        return self.port or str(here[0])


class Port(Listener):
    """A board whose USB port goes with its power is listened to again as soon as it is back."""

    has_repl = True

    def __init__(self, settings: Settings, device: str) -> None:
        self._settings = settings
        self._device = device
        self._port = self._opened()
        self._owner = threading.Lock()
        super().__init__(self._more)

    def reset(self) -> None:
        with self._owner:
            try:
                self._pull_or_type()
            except OSError:  # it was unplugged, and may be back
                self._port.close()
                try:
                    self._pull_or_type()
                except OSError as error:
                    raise BenchError(f"{self._device}: reset: {error}") from None

    def run(self, code: str) -> str:
        with self._owner:
            self._port.close()
            try:
                return self._mpremote("exec", code)
            finally:
                with suppress(OSError, BenchError):  # what comes next is heard
                    self._port = self._opened()

    def close(self) -> None:
        self.stop()
        self._port.close()

    def _pull_or_type(self) -> None:
        """By the lines of the adapter; what has none, as a pty, is told in its REPL. What it says then is heard."""
        if not self._port.is_open:
            self._port = self._opened()
        try:
            self._port.dtr = False
            self._port.rts = True  # pulls EN
            time.sleep(_HELD)
            self._port.rts = False
        except OSError:
            self._port.write(_RESTART)

    def _mpremote(self, *verb: str) -> str:
        try:
            done = mpremote(self._settings.found(), *verb, seconds=_PATIENCE)
        except subprocess.TimeoutExpired:
            raise BenchError(f"{self._device}: mpremote {verb[0]}: nothing within {_PATIENCE} s") from None
        if done.returncode:
            raise BenchError(f"{self._device}: mpremote {verb[0]}: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def _more(self) -> bytes:
        if self._owner.acquire(timeout=_PAUSE):
            try:
                if self._port.is_open:
                    return bytes(self._port.read(self._port.in_waiting or 1))
                self._port = self._opened()
            except (OSError, BenchError):  # it is away, for as long as it has no power
                with suppress(OSError):
                    self._port.close()
                time.sleep(_PAUSE)
            finally:
                self._owner.release()
        return b""

    def _opened(self) -> Any:
        port = serial.serial_for_url(self._settings.found(), self._settings.baud, timeout=_PAUSE, do_not_open=True)
        with suppress(OSError, NotImplementedError):
            port.dtr = port.rts = False
        port.open()
        return port


@contextmanager
def opened(settings: Settings, place: Place) -> Iterator[Port]:
    try:
        port = Port(settings, place.device)
    except (OSError, ValueError) as error:  # the latter for an address that is none
        raise BenchError(f"console of {place.device}: {error}") from None
    try:
        yield port
    finally:
        port.close()
