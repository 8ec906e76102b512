"""How is a collector told to do something while it runs? A line of JSON each way, over a socket in its data directory.

``{"verb": "release", "publisher": "park-0001"}`` → ``{"done": "…"}`` or ``{"refused": "…"}``. Whoever may open the
socket (mode 0600) may ask. A lock beside it keeps a second collector off the directory.
"""

import asyncio
import fcntl
import json
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from collector.running.broker import StartError

LOCK, SOCKET = "collector.lock", "collector.sock"
LARGEST = 4096  # bytes of a line
ASK = 5.0  # s that a question may take to come
ANSWER = 3_600.0  # s that an answer may take: a backup copies everything there is

Verb = Callable[[dict[str, str]], Awaitable[str]]


class RefusedError(Exception):
    """What was asked cannot be done; one line, for whoever asked."""


@contextmanager
def alone(data: Path) -> Iterator[None]:
    """Make the directory and keep every other collector off it; raises StartError."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = (data / LOCK).open("a+")
    except OSError as error:
        raise StartError(f"data: {error.filename or data}: {error.strerror}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise StartError(f"data: a collector (process {lock.read().strip()}) already runs on {data}") from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


class Control:
    """Answers until cancelled. Only for who is ``alone``: a socket that was left behind is replaced."""

    def __init__(self, data: Path, verbs: Mapping[str, Verb]) -> None:
        self._data = data
        self._verbs = verbs

    async def run(self) -> None:
        """Raises StartError when there can be no socket."""
        try:
            listener = _bind(self._data)
        except OSError as error:
            raise StartError(f"data: {self._data / SOCKET}: {error.strerror}") from None
        server = await asyncio.start_unix_server(self._serve, sock=listener, limit=LARGEST)
        try:
            await server.serve_forever()
        finally:
            (self._data / SOCKET).unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(ASK):
                line = await reader.readline()
            answer = {"done": await self._do(line)}
        except RefusedError as error:
            answer = {"refused": str(error)}
        except (TimeoutError, ValueError, ConnectionError):  # ValueError: the line is too long
            answer = {"refused": f"expected one line of JSON, at most {LARGEST} bytes, within {ASK:.0f} s"}
        writer.write(json.dumps(answer).encode() + b"\n")
        writer.close()

    async def _do(self, line: bytes) -> str:
        asked = json.loads(line)
        if not isinstance(asked, dict) or not all(isinstance(one, str) for one in asked.values()):
            raise RefusedError("expected an object of strings")
        verb = asked.pop("verb", "")
        if verb not in self._verbs:
            raise RefusedError(f"verb: expected one of {', '.join(self._verbs)}")
        return await self._verbs[verb](asked)


def ask(data: Path, verb: str, patience: float = ANSWER, **more: str) -> str:
    """What the collector of this directory did, in a line; blocking. Raises RefusedError."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(patience)
        try:
            with _reachable(data) as path:
                asking.connect(path)
            asking.sendall(json.dumps({"verb": verb, **more}).encode() + b"\n")
            line = asking.makefile("rb").readline()
        except PermissionError:
            raise RefusedError(f"data: {data / SOCKET} belongs to another user: ask as the one who runs it") from None
        except (FileNotFoundError, ConnectionRefusedError):
            raise RefusedError(f"no collector is running on {data}") from None
        except TimeoutError:
            raise RefusedError(f"no answer within {patience:.0f} s; the collector may still be at it") from None
        except OSError as error:
            raise RefusedError(f"{data / SOCKET}: {error.strerror}") from None
    try:
        answer = json.loads(line)
    except ValueError:
        raise RefusedError("the collector ended before it answered") from None
    if "done" not in answer:
        raise RefusedError(answer["refused"])
    return str(answer["done"])


def _bind(data: Path) -> socket.socket:
    (data / SOCKET).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    mask = os.umask(0o177)
    try:
        with _reachable(data) as path:
            listener.bind(path)
    finally:
        os.umask(mask)
    return listener


@contextmanager
def _reachable(data: Path) -> Iterator[str]:
    """The name of the socket, short enough for any kernel: 108 bytes are all there is (unix(7))."""
    if sys.platform != "linux":
        yield str(data / SOCKET)
        return
    folder = os.open(data, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{SOCKET}"
    finally:
        os.close(folder)
