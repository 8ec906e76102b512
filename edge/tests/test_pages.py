"""What the gateway says of itself on loopback."""

import asyncio
import json
import socket
from pathlib import Path
from typing import Any, cast

import pytest

from edge.config import Meter
from edge.errors import DeviceError
from edge.health import health, metrics
from edge.http import Pages
from edge.mbus.quantity import Values
from edge.outbox import Outbox, open_outbox
from edge.owner import DeviceHealth, Owner
from edge.uplink import Uplink


class FakeUplink:
    is_connected = True


class FakeBus:
    async def read(self, meter: Meter) -> Values:
        raise DeviceError("no answer")

    async def write(self, *_: Any) -> None:
        raise DeviceError("no answer")

    def source(self, _thing: str) -> str:
        return ""

    def close(self) -> None:
        return


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    made = open_outbox(tmp_path / "outbox.sqlite", 2**20)
    made.append([{"thing": "em-1", "at": 1, "values": {"voltage": 230}}])
    return made


UPLINK = cast("Uplink", FakeUplink())


async def owners() -> dict[str, Owner]:
    line = Owner("hall", FakeBus(), [Meter(thing="em-1", unit_id=1, period=60)], lambda _thing, _values: None)
    line.health["em-1"] = DeviceHealth(at=1, readouts=7, failures=4)
    return {"hall": line}


async def test_a_gateway_without_trouble_is_well(outbox: Outbox) -> None:
    found = health(await owners(), outbox, UPLINK)
    assert (found["ok"], found["reasons"], found["outbox"]["unreceived"]) == (True, [], 1)
    assert found["lines"]["hall"]["devices"]["em-1"]["readouts"] == 7


async def test_a_silent_device_a_line_and_a_broker_that_is_gone_are_named(outbox: Outbox) -> None:
    lines = await owners()
    lines["hall"].line_error = "cannot be opened"
    lines["hall"].health["em-1"] = DeviceHealth(in_a_row=3, reason="no answer")
    gone = FakeUplink()
    gone.is_connected = False
    found = health(lines, outbox, cast("Uplink", gone))
    assert found["reasons"] == ["hall: cannot be opened", "hall: em-1: no answer", "uplink: not connected"]


async def test_a_full_disk_is_reported(outbox: Outbox) -> None:
    outbox._connection.execute("PRAGMA max_page_count = 1").fetchall()
    while outbox.append([{"thing": "em-1", "at": 1, "values": {"voltage": 230}}]) is not None:
        pass
    assert "outbox: the disk is full" in health(await owners(), outbox, UPLINK)["reasons"]
    assert "senzorika_outbox_disk_full 1" in metrics(await owners(), outbox, UPLINK)


async def test_metrics_are_text_for_prometheus(outbox: Outbox) -> None:
    text = metrics(await owners(), outbox, UPLINK)
    assert (
        '# TYPE senzorika_device_readouts_total counter\nsenzorika_device_readouts_total{line="hall",thing="em-1"} 7'
        in text
    )
    assert "senzorika_outbox_unreceived_messages 1\n" in text
    assert all(line.startswith("#") or len(line.split(" ")) == 2 for line in text.splitlines())


async def get(port: int, request: str) -> tuple[str, str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request.encode())
    answer = (await reader.read()).decode()
    writer.close()
    head, _, body = answer.partition("\r\n\r\n")
    return head.split("\r\n")[0], body


async def test_pages_are_served_on_loopback() -> None:
    state: dict[str, Any] = {"ok": True}
    server = await Pages(lambda: state, lambda: "a 1\n").serve(0)
    port = server.sockets[0].getsockname()[1]
    assert server.sockets[0].family == socket.AF_INET
    assert await get(port, "GET /metrics HTTP/1.1\r\n\r\n") == ("HTTP/1.1 200 OK", "a 1\n")
    assert json.loads((await get(port, "GET /health HTTP/1.1\r\n\r\n"))[1]) == {"ok": True}
    state["ok"] = False
    assert (await get(port, "GET /health HTTP/1.1\r\n\r\n"))[0] == "HTTP/1.1 503 Service Unavailable"
    assert (await get(port, "GET / HTTP/1.1\r\n\r\n"))[0] == "HTTP/1.1 404 Not Found"
    assert (await get(port, "POST /health HTTP/1.1\r\n\r\n"))[0] == "HTTP/1.1 405 Method Not Allowed"
    assert await get(port, "x" * 10000) == ("", "")
    server.close()
