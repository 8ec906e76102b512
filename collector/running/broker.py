"""How does the collector start the broker beside it, and say what went wrong in one line?"""

import asyncio
import ctypes
import logging
import shutil
import signal
import socket
import sys
from collections import deque
from pathlib import Path

from collector.config import BrokerConfig
from collector.health import Health

log = logging.getLogger("collector.broker")

LOOK = 5.0  # s between two looks at the disk of a broker that had no room
ROOM = 64 << 20  # bytes that must be free before it is started again
_START = 10.0  # s until it listens
_NO_ROOM = "no space left on device"
_OWN_PROBE = "TLS handshake error: EOF"  # what nats-server says to a connection that only asks whether it listens
_PR_SET_PDEATHSIG = 1  # prctl(2)


class StartError(Exception):
    """Something a person has to mend before the collector can start; one line."""


class EmbeddedBroker:
    """nats-server or mosquitto as a child that dies with the collector, and is started again when it dies alone."""

    def __init__(self, config: BrokerConfig) -> None:
        self._config = config
        self._arguments = [find_program(config.kind), "-c", str(config.config)]
        self._process: asyncio.subprocess.Process | None = None
        self._log: deque[str] = deque(maxlen=20)
        self._had_no_room = False

    async def start(self) -> None:
        """Return once it listens; raises StartError."""
        if not self._config.config.is_file():
            raise StartError(f"broker.config: there is no file {self._config.config}")
        refuse_taken_port("broker.port", self._config.host, self._config.port)
        await self._start()

    async def run(self, health: Health) -> None:
        """Until cancelled; a broker that dies is started again, one that dies at once each time raises StartError.

        nats-server whose disk was full takes nothing more, whatever room there is, until it is started again.
        """
        while self._process:
            try:
                code = await asyncio.wait_for(self._process.wait(), LOOK)
            except TimeoutError:
                await self._look_for_room(health)
                continue
            log.error("the broker ended with code %d: %s", code, self._last_words)
            await asyncio.sleep(1)
            await self._start()

    async def _look_for_room(self, health: Health) -> None:
        if not self._had_no_room:
            health.well("disk")
            return
        beside = self._config.config.parent
        folder = next(one for one in (beside / "jetstream", beside) if one.is_dir())  # the first is provisioning's
        free = shutil.disk_usage(folder).free
        if free < ROOM:
            health.ails("disk", f"the broker has no room: {free >> 20} MB free in {folder}, it wants {ROOM >> 20}")
        else:
            log.warning("there is room for the broker again")
            await self.stop()

    @property
    def process_id(self) -> int | None:
        """None while none runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    @property
    def _last_words(self) -> str:
        telling = [line for line in self._log if any(word in line.lower() for word in ("err", "ftl", "fatal"))]
        return (telling or list(self._log) or ["it said nothing"])[-1]

    async def _start(self) -> None:
        self._log.clear()
        self._had_no_room = False
        self._process = await asyncio.create_subprocess_exec(
            *self._arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # one prctl, no locks
        )
        reading = asyncio.create_task(self._read_log(self._process))
        try:
            async with asyncio.timeout(_START):
                while self._process.returncode is None:
                    if await self._listens():
                        return
                    await asyncio.sleep(0.05)
        except TimeoutError:
            await self.stop()
            raise StartError(
                f"the broker does not listen on {self._config.host}:{self._config.port} "
                f"after {_START:.0f} s: {self._last_words}"
            ) from None
        except asyncio.CancelledError:
            await self.stop()
            raise
        await reading
        raise StartError(f"the broker {self._arguments[0]} ended at once: {self._last_words}")

    async def _read_log(self, process: asyncio.subprocess.Process) -> None:
        """Keep its last lines, and pass on what an operator must see: a denied publish is acknowledged and dropped."""
        if process.stdout is None:
            return
        async for line in process.stdout:
            text = line.decode(errors="replace").strip()
            if text:
                self._log.append(text)
            self._had_no_room |= self._config.kind == "nats" and _NO_ROOM in text
            if any(word in text for word in ("[ERR]", "[FTL]", "Denied")) and not text.endswith(_OWN_PROBE):
                log.warning("broker: %s", text)

    async def _listens(self) -> bool:
        try:
            _, writer = await asyncio.open_connection(self._config.host, self._config.port)
        except OSError:
            return False
        writer.close()
        return True

    async def stop(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 5)
        except TimeoutError:
            process.kill()
            await process.wait()


def find_program(kind: str) -> str:
    """Beside this Python, on PATH, or where Debian puts daemons; raises StartError."""
    name = {"nats": "nats-server", "mosquitto": "mosquitto"}[kind]
    places = (str(Path(sys.executable).parent), None, "/usr/sbin:/usr/local/sbin")
    for place in places:
        found = shutil.which(name, path=place)
        if found:
            return found
    cure = {"nats": "pip install 'senzorika[collector]'", "mosquitto": "apt install mosquitto"}[kind]
    raise StartError(f"broker.kind: {kind}: there is no program {name} here ({cure} brings it)")


def refuse_taken_port(key: str, host: str, port: int) -> None:
    """Raises StartError when somebody listens there already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise StartError(f"{key}: {host}:{port} cannot be used: {error.strerror}") from None


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
