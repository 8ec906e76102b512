"""A running collector can be asked, by whoever runs it; everyone else, and every wrong question, gets one line."""

import asyncio
import json
import socket
import stat
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from collector.running import control
from collector.running.broker import StartError
from collector.running.control import LARGEST, SOCKET, Control, RefusedError, alone, ask


async def echo(asked: dict[str, str]) -> str:
    if "nothing" in asked:
        raise RefusedError("nothing is held")
    return f"heard {asked}"


def listens(data: Path) -> bool:
    with control._reachable(data) as path, socket.socket(socket.AF_UNIX) as asking:
        return asking.connect_ex(path) == 0


@asynccontextmanager
async def running(data: Path) -> AsyncIterator[None]:
    task = asyncio.create_task(Control(data, {"echo": echo}).run())
    async with asyncio.timeout(120):
        while not listens(data):  # noqa: ASYNC110  # another task makes it listen
            await asyncio.sleep(0.01)
    yield
    task.cancel()
    await asyncio.wait([task])


async def test_what_is_asked_is_done_and_said(tmp_path: Path) -> None:
    async with running(tmp_path):
        assert await asyncio.to_thread(ask, tmp_path, "echo", publisher="p-1") == "heard {'publisher': 'p-1'}"


async def test_only_who_runs_it_may_ask_and_nothing_is_left(tmp_path: Path) -> None:
    socket_file = tmp_path / SOCKET
    async with running(tmp_path):
        assert stat.S_IMODE(socket_file.stat().st_mode) == 0o600
    assert not socket_file.exists()


async def test_a_refusal_reaches_who_asked(tmp_path: Path) -> None:
    async with running(tmp_path):
        with pytest.raises(RefusedError, match="nothing is held"):
            await asyncio.to_thread(ask, tmp_path, "echo", nothing="")
        with pytest.raises(RefusedError, match="verb: expected one of echo"):
            await asyncio.to_thread(ask, tmp_path, "stop")


def say(data: Path, octets: bytes) -> str:
    with control._reachable(data) as path, socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(5)
        asking.connect(path)
        asking.sendall(octets)
        answer: dict[str, str] = json.loads(asking.makefile("rb").readline())
    return answer["refused"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"release\n", "expected one line of JSON"),
        (b"\xff\n", "expected one line of JSON"),
        (b"[1]\n", "expected an object of strings"),
        (b'{"verb": 1}\n', "expected an object of strings"),
        (b"{}\n", "verb: expected one of echo"),
        (b" " * 2 * LARGEST, "expected one line of JSON"),
    ],
)
async def test_what_is_no_question_is_refused(tmp_path: Path, line: bytes, expected: str) -> None:
    async with running(tmp_path):
        assert expected in await asyncio.to_thread(say, tmp_path, line)


async def test_who_says_nothing_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "ASK", 0.1)
    async with running(tmp_path):
        assert "within 0 s" in await asyncio.to_thread(say, tmp_path, b"{")


async def test_a_socket_that_was_left_behind_is_replaced(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    with control._reachable(tmp_path) as path:
        left.bind(path)
    left.close()
    with pytest.raises(RefusedError, match="no collector is running on"):
        ask(tmp_path, "echo")
    async with running(tmp_path):
        assert await asyncio.to_thread(ask, tmp_path, "echo") == "heard {}"


async def test_where_no_socket_can_be_it_is_named(tmp_path: Path) -> None:
    (tmp_path / SOCKET).mkdir()
    with pytest.raises(StartError, match=r"data: .*collector\.sock: Is a directory"):
        await Control(tmp_path, {"echo": echo}).run()


def test_where_nobody_runs_nobody_answers(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=f"no collector is running on {tmp_path}"):
        ask(tmp_path, "echo")
    with pytest.raises(RefusedError, match="no collector is running on"):
        ask(tmp_path / "nowhere", "echo")


def answering(data: Path, answer: bytes | None) -> threading.Thread:
    """A collector that hangs up after ``answer``; None: that never answers."""
    listener = control._bind(data)
    listener.listen()

    def serve() -> None:
        connection, _ = listener.accept()
        connection.recv(100)
        if answer is None:
            connection.recv(100)  # until the other side gives up
        else:
            connection.sendall(answer)
        connection.close()
        listener.close()

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


def test_a_collector_that_ends_meanwhile_is_told(tmp_path: Path) -> None:
    thread = answering(tmp_path, b"")
    with pytest.raises(RefusedError, match="ended before it answered"):
        ask(tmp_path, "echo")
    thread.join()


def test_a_collector_that_never_answers_is_not_waited_for(tmp_path: Path) -> None:
    thread = answering(tmp_path, None)
    with pytest.raises(RefusedError, match="no answer within 0 s"):
        ask(tmp_path, "echo", patience=0.1)
    thread.join()


async def test_a_data_directory_may_be_deep(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    async with running(deep):
        assert await asyncio.to_thread(ask, deep, "echo") == "heard {}"


def test_a_second_collector_is_kept_off_the_directory(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with (
        alone(data),
        pytest.raises(StartError, match=r"data: a collector \(process \d+\) already runs on"),
        alone(data),
    ):
        pass
    with alone(data):
        pass


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file stands in the way")
    with pytest.raises(StartError, match="data: File exists"), alone(tmp_path / "data"):
        pass
