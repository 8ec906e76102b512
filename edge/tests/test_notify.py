"""What systemd hears: readiness, and a watchdog that only progress feeds."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.notify import notify, watch, watchdog_seconds


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(tmp_path / "notify"))
        channel.settimeout(2)
        yield channel


def test_the_service_manager_hears_what_is_said(manager: socket.socket) -> None:
    assert notify("READY=1", {"NOTIFY_SOCKET": str(manager.getsockname())})
    assert manager.recv(100) == b"READY=1"


def test_without_a_service_manager_nothing_is_said() -> None:
    assert not notify("READY=1", {})
    assert watchdog_seconds({}) is None
    assert watchdog_seconds({"WATCHDOG_USEC": "300000000"}) == 300


async def test_the_watchdog_is_fed_while_there_is_progress_and_starves_when_a_line_stalls(
    manager: socket.socket,
) -> None:
    asked: list[float] = []
    answers = iter([[], [], ["cellar"], ["cellar"]])

    def stalled(seconds: float) -> list[str]:
        asked.append(seconds)
        return next(answers, ["cellar"])

    watching = asyncio.create_task(
        watch(stalled, {"NOTIFY_SOCKET": str(manager.getsockname()), "WATCHDOG_USEC": "40000"})
    )
    while len(asked) < 4:  # noqa: ASYNC110 - the watchdog runs by the clock
        await asyncio.sleep(0.01)
    watching.cancel()
    manager.setblocking(False)
    heard = []
    try:
        while True:
            heard.append(manager.recv(100))
    except BlockingIOError:
        pass
    assert heard == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]
    assert asked[0] == 0.02
