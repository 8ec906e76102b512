"""How does a board hang on a computer by a pty? It knows whether somebody has it open, and no other line."""

import os
import select
import tty
from pathlib import Path

from hil_tests.instruments.esp32.port import Event, Line

_CLOSED_POLL = 0.02  # s between looks at a pty that nobody has open


class PtyPort:
    """``link`` becomes a symbolic link to it. What is written while nobody has it open is lost, as on a real line."""

    has_lines = False

    def __init__(self, link: Path) -> None:
        self._port, theirs = os.openpty()
        tty.setraw(theirs)
        link.unlink(missing_ok=True)
        link.symlink_to(os.ttyname(theirs))
        os.close(theirs)  # from now on the port hangs up whenever nobody has it open
        self._link = link
        self.name = str(link)
        self._is_open = False

    def wait(self, inside: int | None, seconds: float) -> tuple[list[Event], bool]:
        poll = select.poll()
        poll.register(self._port, select.POLLIN if self._is_open else 0)
        if inside is not None:
            poll.register(inside, select.POLLIN)
        events = dict(poll.poll(seconds * 1000))
        here, speaks = events.get(self._port, 0), inside in events
        if here & select.POLLHUP and not here & select.POLLIN:
            found: list[Event] = [Line.CLOSED] if self._is_open else []
            self._is_open = False
            select.select([] if inside is None else [inside], [], [], _CLOSED_POLL)
            return found, speaks
        if not self._is_open:
            self._is_open = True
            return [], speaks
        return ([os.read(self._port, 4096)] if here else []), speaks

    def write(self, octets: bytes) -> None:
        while octets and self._is_open:
            octets = octets[os.write(self._port, octets) :]

    def close(self) -> None:
        os.close(self._port)
        self._link.unlink(missing_ok=True)
