"""A real line with dead meters, and a configuration that is read again while it runs."""

import asyncio
import itertools
import json
import os
import signal
import sqlite3
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from hil_tests.instruments.meters import Meters, Scenario
from hil_tests.instruments.process import Program, free_port, wait_until
from provisioning.broker import port_of

LIVE, DEAD = 40, 10
PERIOD = 10  # s
GAPS = 4  # of each live meter
BLOCKS = 4  # of registers, of such a meter


@pytest.fixture
async def meters(tmp_path: Path) -> AsyncIterator[Meters]:
    """40 meters answer on an RTU line at 115200 baud; units 5, 10, ... 50 are nobody."""
    meter = [
        {"thing": f"em-{unit}", "model": "eastron_sdm120", "address": unit, "delay": 0.01}
        for unit in range(1, LIVE + DEAD + 1)
        if unit % 5
    ]
    line = {"name": "hall", "kind": "modbus-rtu", "link": tmp_path / "hall.tty", "baud": 115200, "meter": meter}
    made = Meters(Scenario.model_validate({"truth": tmp_path / "truth.jsonl", "line": [line]}))
    await made.start()
    yield made
    await made.stop()


def configuration(directory: Path, port: str, periods: dict[int, int]) -> str:
    certificates = directory / "certificates"
    text = (
        f'city = "koper"\npublisher = "gw-0001"\n[broker]\nport = {port_of(directory)}\nca = "{directory}/ca/ca.pem"\n'
        f'certificate = "{certificates}/gw-0001.pem"\nkey = "{certificates}/gw-0001.key"\n'
        f'[[line]]\nname = "hall"\nkind = "modbus-rtu"\nport = "{port}"\nbaud = 115200\nparity = "N"\n'
    )
    for unit, period in periods.items():
        text += (
            f'[[line.meter]]\nthing = "em-{unit}"\nunit_id = {unit}\nperiod = {period}\nprofile = "eastron_sdm120"\n'
        )
    return text


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Program]:
    command: list[str | Path] = [sys.executable, "-m", "edge", "--config", tmp_path / "gateway.toml"]
    program = Program("gw-0001", command, tmp_path / "gateway.log")
    yield program
    if program.is_running:
        program.kill()


def instants(tmp_path: Path) -> dict[str, list[int]]:
    """By thing, when it was read (ms), out of the stopped gateway's outbox."""
    found: dict[str, list[int]] = {}
    with sqlite3.connect(tmp_path / "outbox.sqlite") as connection:
        for (payload,) in connection.execute("SELECT payload FROM message ORDER BY seq"):
            (reading,) = json.loads(payload)["readings"]
            found.setdefault(reading["thing"], []).append(reading["at"])
    return found


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_with_10_of_50_dead_on_a_real_line_the_others_go_on(
    meters: Meters, gateway: Program, directory: Path, tmp_path: Path
) -> None:
    text = configuration(directory, meters.ports["hall"], dict.fromkeys(range(1, LIVE + DEAD + 1), PERIOD))
    (tmp_path / "gateway.toml").write_text(text)
    gateway.start()
    truth = tmp_path / "truth.jsonl"

    def reads() -> list[int]:
        """Of each live meter, by the blocks that it gave."""
        given = Counter(json.loads(line)["thing"] for line in truth.read_text().splitlines())
        return [count // BLOCKS for count in given.values()]

    async with asyncio.timeout(300):  # a real line, by a real clock
        while len(reads()) < LIVE or min(reads()) < GAPS + 2:  # noqa: ASYNC110 - a file tells; the last is on its way
            await asyncio.sleep(0.5)
    await asyncio.to_thread(gateway.stop, 60)
    found = instants(tmp_path)
    gaps = sorted(b - a for times in found.values() for a, b in itertools.pairwise(times))
    p99 = gaps[int(len(gaps) * 0.99)] / 1000
    print(f"10 of 50 dead on a pty, {len(gaps)} gaps: p99 {p99:.2f} s, longest {gaps[-1] / 1000:.2f} s")
    assert len(found) == LIVE
    assert (
        min(map(len, found.values())) > GAPS
    )  # the limit of 1.2 periods is held on a virtual clock: edge/tests/test_schedule.py


async def test_a_configuration_that_is_read_again_changes_only_what_changed(
    meters: Meters, gateway: Program, directory: Path, tmp_path: Path
) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(configuration(directory, meters.ports["hall"], {1: 3600, 2: 3600, 3: 3600}))
    gateway.start()
    truth = tmp_path / "truth.jsonl"

    async def asked(count: int) -> list[str]:
        async with asyncio.timeout(90):
            while truth.read_text().count("\n") < count:  # noqa: ASYNC110 - a file tells
                await asyncio.sleep(0.05)
        return [json.loads(line)["thing"] for line in truth.read_text().splitlines()]

    questions = len(await asked(3 * BLOCKS)) // 3
    file.write_text("broken")
    os.kill(gateway.pid, signal.SIGHUP)
    async with asyncio.timeout(90):
        while "not reloaded: " not in gateway.last_lines():  # noqa: ASYNC110 - a process tells us by its log only
            await asyncio.sleep(0.05)
    file.write_text(configuration(directory, meters.ports["hall"], {1: 3600, 2: 1800, 4: 3600}))
    os.kill(gateway.pid, signal.SIGHUP)
    things = await asked(5 * questions)
    await asyncio.to_thread(gateway.stop, 60)
    assert gateway.exit_status == 0
    assert set(things[3 * questions :]) == {"em-2", "em-4"}
    assert "hall: changed: em-2 em-4 em-3" in (tmp_path / "gateway.log").read_text()


def test_health_and_metrics_are_served_while_it_runs(gateway: Program, directory: Path, tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "gateway.toml").write_text(
        configuration(directory, "/dev/absent", {1: 60}).replace("[[line]]", f"[http]\nport = {port}\n[[line]]", 1)
    )
    gateway.start()
    wait_until(lambda: "hall: " in page(port, "health"), "the health page names the line")
    assert '"ok": false' in page(port, "health")
    assert 'senzorika_line_up{line="hall"} 0' in page(port, "metrics")


def page(port: int, name: str) -> str:
    """Its text, empty until it is served."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/{name}").text
    except httpx.ConnectError:
        return ""
