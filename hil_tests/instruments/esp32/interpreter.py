"""How does MicroPython run on a board? A process on a terminal of its own, on the board's file system."""

import os
import signal
import subprocess
import termios
from pathlib import Path

from hil_tests.instruments.process import find

_PRELUDE = Path(__file__).with_name("prelude.py")
_INPUT, _OUTPUT, _LOCAL, _CHARACTERS = 0, 1, 3, 6


class Interpreter:
    """Started as it is made; ``descriptor`` is the end of its terminal that the board holds."""

    def __init__(self, flash: Path, place: tuple[int, int], heap: str, *, runs_main: bool) -> None:
        self.descriptor, theirs = os.openpty()
        _character_by_character(theirs)
        offset, size = place
        command = [find("micropython"), "-X", f"heapsize={heap}", "-i", _PRELUDE, flash, offset, size, int(runs_main)]
        self._process = subprocess.Popen(
            [str(part) for part in command],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            preexec_fn=_lead_terminal,  # noqa: PLW1509 - the board has no threads
        )
        os.close(theirs)

    def read(self) -> bytes:
        """Empty: it has ended."""
        try:
            return os.read(self.descriptor, 4096)
        except OSError:  # the last of its ends was closed
            return b""

    def write(self, octets: bytes) -> None:
        while octets:
            octets = octets[os.write(self.descriptor, octets) :]

    def ended_softly(self) -> bool:
        """Wait for its end; whether it asked for a soft reset (^D) rather than for a hard one."""
        status = self._process.wait()
        os.close(self.descriptor)
        return status == 0

    def kill(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self.descriptor)


def _lead_terminal() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # ignored under nohup, it would outlive its board
    os.setsid()
    os.close(os.open(os.ttyname(0), os.O_RDWR))  # the first terminal that a leader opens is its own


def _character_by_character(descriptor: int) -> None:
    """Nothing translated or echoed; ^C still interrupts what runs, the other signals do not exist."""
    attributes = termios.tcgetattr(descriptor)
    attributes[_INPUT] &= ~(termios.ICRNL | termios.INLCR | termios.IGNCR | termios.IXON)
    attributes[_OUTPUT] &= ~termios.OPOST
    attributes[_LOCAL] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN)
    attributes[_LOCAL] |= termios.ISIG
    for character in (termios.VQUIT, termios.VSUSP):
        attributes[_CHARACTERS][character] = b"\0"
    termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
