"""How does a board hang on a computer by TCP? Serial over Telnet, RFC 2217, with the two lines of an adapter."""

import contextlib
import select
import socket
from collections.abc import Callable
from typing import Any

from serial.rfc2217 import PortManager

from hil_tests.instruments.esp32.port import Event, Line


class Rfc2217Port:
    """One computer at a time, on a TCP port of the loopback."""

    has_lines = True

    def __init__(self, number: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", number))
        self.name = f"rfc2217://127.0.0.1:{self._listener.getsockname()[1]}"
        self._computer: socket.socket | None = None
        self._telnet: Any = None
        self._lines: list[Event] = []

    def wait(self, inside: int | None, seconds: float) -> tuple[list[Event], bool]:
        outside = (self._listener if self._computer is None else self._computer).fileno()
        ready, _, _ = select.select([outside] if inside is None else [outside, inside], [], [], seconds)
        if outside not in ready:
            return [], inside in ready
        if self._computer is None:
            self._computer, _ = self._listener.accept()
            self._computer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            adapter: Any = _Adapter(self._lines.append)
            connection: Any = _Connection(self._computer)
            self._telnet = PortManager(adapter, connection)
            return [], inside in ready
        octets = self._received()
        plain = b"".join(self._telnet.filter(octets)) if octets else b""
        found, self._lines[:] = [*self._lines, *([plain] if plain else [])], []
        if not octets:
            self._computer.close()
            self._computer = None
        return found, inside in ready

    def _received(self) -> bytes:
        try:
            return self._computer.recv(4096) if self._computer else b""
        except ConnectionError:
            return b""

    def write(self, octets: bytes) -> None:
        if self._computer is not None:
            _Connection(self._computer).write(b"".join(self._telnet.escape(octets)))

    def close(self) -> None:
        if self._computer is not None:
            self._computer.close()
        self._listener.close()


class _Connection:
    """What a PortManager writes to."""

    def __init__(self, computer: socket.socket) -> None:
        self._computer = computer

    def write(self, octets: bytes) -> None:
        with contextlib.suppress(ConnectionError):  # the next read sees the end
            self._computer.sendall(octets)


class _Adapter:
    """What a PortManager takes for a serial port: the reset circuit of a development board.

    EN is pulled by RTS without DTR, IO0 by DTR; how long each takes does not matter, only their order.
    """

    def __init__(self, tell: Callable[[Event], None]) -> None:
        self._tell = tell
        self._is_held = False
        self._rts = self._dtr = False
        self.baudrate, self.bytesize, self.parity, self.stopbits = 115200, 8, "N", 1
        self.xonxoff = self.rtscts = self.dsrdtr = self.break_condition = False
        self.cts = self.dsr = self.ri = self.cd = False
        self.timeout: float | None = 0

    @property
    def rts(self) -> bool:
        return self._rts

    @rts.setter
    def rts(self, value: bool) -> None:
        self._rts = value
        self._changed()

    @property
    def dtr(self) -> bool:
        return self._dtr

    @dtr.setter
    def dtr(self, value: bool) -> None:
        self._dtr = value
        self._changed()

    def reset_input_buffer(self) -> None:
        """Nothing waits here."""

    def reset_output_buffer(self) -> None:
        """Nothing waits here."""

    def _changed(self) -> None:
        if self._rts and not self._dtr and not self._is_held:
            self._is_held = True
            self._tell(Line.HELD)
        elif self._is_held and not self._rts:
            self._is_held = False
            self._tell(Line.DOWNLOAD if self._dtr else Line.RUN)
