"""A gateway with 250 meters: 72 h without a broker, an alarm that overtakes them, a replay, and its memory."""

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from collector.signature import Signer
from edge.keep import Keeper, Stamps, Urgency
from edge.outbox import open_outbox
from firmware import contract
from hil_tests.instruments.process import Program
from hil_tests.instruments.receipts import Receipts
from provisioning.broker import port_of

METERS, HOURS = 250, 72
BOUND = 64 * 2**20  # bytes, a sixteenth of the default
START = 1_795_000_000_000
READOUT = {"water_volume": (561080, -3), "water_volume.s1": (540200, -3), "flow_temperature": (101, -1)}


def fill(path: Path, alarm: bool) -> int:
    """What a gateway keeps in 72 h without a broker; returns the messages."""
    outbox = open_outbox(path, BOUND)
    outbox._connection.execute("PRAGMA synchronous=OFF").fetchall()  # this test is not about power cuts  # noqa: SLF001
    clock = [START]
    keeper = Keeper(outbox, lambda: None, Stamps(lambda: clock[0]), Urgency())
    for hour in range(HOURS):
        clock[0] = START + hour * 3_600_000
        for meter in range(METERS):
            keeper.keep(f"wm-{meter}", dict(READOUT))
    if alarm:
        keeper.keep("sea-1", {"status_code": "alarm"})
    assert outbox.dropped() == []
    count = outbox.counts().unreceived
    outbox.close()
    return count


def configuration(directory: Path, lines: str) -> str:
    certificates = directory / "certificates"
    return (
        f'city = "koper"\npublisher = "gw-0001"\noutbox_limit = {BOUND}\nclock = "host"\n'
        f'[broker]\nport = {port_of(directory)}\nca = "{directory}/ca/ca.pem"\n'
        f'certificate = "{certificates}/gw-0001.pem"\nkey = "{certificates}/gw-0001.key"\n'
        f'[collector]\nkey = "{certificates}/collector.pem"\n{lines}'
    )


def dead_line(port: int) -> str:
    head = f'[[line]]\nname = "dead"\nkind = "modbus-tcp"\nport = "tcp:127.0.0.1:{port}"\n'
    return head + '[[line.meter]]\nthing = "em-1"\nunit_id = 1\nperiod = 3600\nprofile = "abb_b23"\n'


@pytest.fixture
def gateway(directory: Path, tmp_path: Path) -> Any:
    (tmp_path / "gateway.toml").write_text(configuration(directory, dead_line(1)))
    command: list[str | Path] = [sys.executable, "-m", "edge", "--config", tmp_path / "gateway.toml"]
    program = Program("gw-0001", command, tmp_path / "gateway.log")
    yield program
    if program.is_running:
        program.kill()


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_an_alarm_overtakes_72_h_of_250_meters_and_all_of_it_arrives_in_order(
    gateway: Program, collector: Receipts, directory: Path, tmp_path: Path
) -> None:
    count = await asyncio.to_thread(fill, tmp_path / "outbox.sqlite", alarm=True)
    assert count == METERS * HOURS + 1
    gateway.start()
    begun = time.monotonic()
    await collector.until(lambda: bool(collector.contents), "the first messages")
    await collector.until(lambda: count in collector.numbers(), "the alarm")
    alarm_after, before_it = time.monotonic() - begun, len(collector.contents)
    await collector.until(lambda: len(collector.contents) >= count, "the backlog", 240)
    print(
        f"{count} messages: the alarm arrived {alarm_after:.1f} s after the start with {before_it} others, "
        f"the last after {time.monotonic() - begun:.0f} s"
    )
    assert before_it <= 200
    assert collector.numbers() == set(range(1, count + 1))
    arrived: dict[str, list[int]] = {}
    for payload in collector.contents:  # in the order of arrival
        (reading,) = contract.decode_reading(payload)["readings"]
        arrived.setdefault(reading["thing"], []).append(reading["at"])
    assert all(instants == sorted(instants) for instants in arrived.values())

    # A collector restored from yesterday's backup asks for what it has lost.
    signer = Signer(directory / "certificates" / "collector.key")
    outbox = contract.decode_reading(next(iter(collector.contents)))["outbox"]
    wanted = {
        "id": "replay-1", "thing": "gw-0001", "name": "replay", "by": "collector",
        "arguments": {"outbox": outbox, "from": 12_001, "to": 18_000}, "expires": time.time_ns() // 10**6 + 60_000,
    }  # fmt: skip
    before = dict(collector.contents)
    collector.command("gw-0001", signer.signed(wanted))
    again = {payload for payload in before if 12_001 <= contract.decode_reading(payload)["seq"] <= 18_000}
    await collector.until(lambda: all(collector.contents[payload] > 1 for payload in again), "the replay", 120)
    assert sum(collector.contents[payload] > before[payload] for payload in before) <= len(again) + 64


async def serve_registers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A Modbus TCP server in which every register of every unit is 1."""
    try:
        while True:
            head = await reader.readexactly(12)
            count = int.from_bytes(head[10:12], "big")
            body = head[6:8] + bytes([2 * count]) + b"\x00\x01" * count
            writer.write(head[:4] + len(body).to_bytes(2, "big") + body)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


@pytest.mark.slow
async def test_a_gateway_with_250_meters_stays_below_80_mb(
    gateway: Program, collector: Receipts, directory: Path, tmp_path: Path
) -> None:
    server = await asyncio.start_server(serve_registers, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    lines = ""
    for line in range(2):
        lines += f'[[line]]\nname = "line-{line}"\nkind = "modbus-tcp"\nport = "tcp:127.0.0.{line + 1}:{port}"\n'
        for unit in range(1, 126):
            lines += f'[[line.meter]]\nthing = "em-{line}-{unit}"\nunit_id = {unit}\nperiod = 5\nprofile = "abb_b23"\n'
    second = await asyncio.start_server(serve_registers, "127.0.0.2", port)
    (tmp_path / "gateway.toml").write_text(configuration(directory, lines))
    gateway.start()
    await collector.until(lambda: len(collector.contents) >= 4 * METERS, "four rounds", 120)
    status = await asyncio.to_thread(Path(f"/proc/{gateway.pid}/status").read_text)
    megabytes = next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))
    print(f"{METERS} meters: {megabytes:.0f} MB resident")
    server.close()
    second.close()
    assert megabytes <= 80
