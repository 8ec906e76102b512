"""What keeps a node alive: the right time, a watchdog that bites when nothing moves, a loop that nothing blocks."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from edge.timeserver import TimeServer
from hil_tests.cities.koper import EVERY_SAMPLE
from hil_tests.instruments import node
from hil_tests.instruments.process import BenchError, Program, find
from hil_tests.instruments.receipts import Receipts
from hil_tests.instruments.sensors import Scenario, Sensors
from provisioning.broker import port_of

# A kind of node that measures twice and then hangs, as a driver with an endless loop would; after a reset it behaves.
HANGS_ONCE = """
from firmware.nodes import Sample

KEYS, OPTIONAL, QUANTITIES, BATTERY = {}, {}, ("distance",), False

class HangsOnce:
    def __init__(self, period_ms, is_first):
        self.period_ms, self.faults, self._left = period_ms, {}, 2 if is_first else -1

    async def sample(self):
        self._left -= 1
        while not self._left:
            pass
        return [Sample({"distance": (100, -3)})]

    def keep(self, note):
        pass

def make(settings, hal, note):
    return HangsOnce(settings["period_ms"], hal.reset_cause() == "power_on")
"""

try:
    find("micropython")
except BenchError as missing:
    pytest.skip(str(missing), allow_module_level=True)


@pytest.fixture
async def spot(tmp_path: Path) -> AsyncIterator[str]:
    """Where a parking sensor listens."""
    sensor = {"thing": "spot-0001", "kind": "parking", "mean": 3.0}
    sensors = Sensors(Scenario.model_validate({"truth": tmp_path / "truth.jsonl", "sensor": [sensor]}))
    await sensors.start()
    yield f"127.0.0.1:{sensors.ports['spot-0001']['sensor']}"
    await sensors.stop()


@pytest.fixture
def in_memory() -> Iterator[Path]:
    """A directory that no disk delays, where the system has one."""
    memory = Path("/dev/shm")  # noqa: S108 - the directory in it is ours alone
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as made:
        yield Path(made)


def built(
    directory: Path, tmp_path: Path, hal: dict[str, Any], sources: dict[str, str] | None = None, **changes: Any
) -> node.BuiltNode:
    config = {
        "city": "koper",
        "publisher": "park-0001",
        "thing": "spot-0001",
        "kind": "parking",
        "period_ms": 100,
        "broker": {"host": "127.0.0.1", "port": port_of(directory), "server_name": "localhost"},
        "hal": hal,
        **(EVERY_SAMPLE if "kind" not in changes else {}),
        **changes,
    }
    return node.build(tmp_path / "node", config, directory / "certificates", directory / "ca" / "ca.der", sources)


def program_of(made: node.BuiltNode, tmp_path: Path) -> Program:
    return Program("park-0001", made.command, tmp_path / "node.log", environment=made.environment)


async def test_a_node_that_hangs_is_reset_by_its_watchdog_and_says_so(
    collector: Receipts, directory: Path, tmp_path: Path
) -> None:
    changes = {"nodes/hangs_once.py": HANGS_ONCE}
    made = built(directory, tmp_path, {"watchdog_ms": 2500}, changes, kind="hangs_once")
    program = program_of(made, tmp_path)
    program.start()
    try:
        await collector.until(lambda: any(one.get("boot", 0) >= 2 for one in collector.states), "a second boot", 120)
        after = next(one for one in collector.states if one.get("boot", 0) >= 2)
        assert after["reset"] == "watchdog"
        await collector.until(lambda: len(collector.numbers()) > 8, "readings after the reset")
    finally:
        program.kill()


async def test_the_time_comes_from_the_gateway_and_nothing_is_lost_before_it(
    collector: Receipts, directory: Path, tmp_path: Path, spot: str
) -> None:
    """The server is an hour ahead of this machine, and at first does not know the time itself."""
    is_trusted = [False]
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: TimeServer(lambda: is_trusted[0], lambda: time.time() + 3600), local_addr=("127.0.0.1", 0)
    )
    port = transport.get_extra_info("sockname")[1]
    program = program_of(built(directory, tmp_path, {"sensor": spot, "ntp": f"127.0.0.1:{port}"}), tmp_path)
    begun = time.time()
    program.start()
    try:
        await asyncio.sleep(3)  # it measures without time
        assert not collector.states, "a node without time opens no TLS"
        is_trusted[0] = True
        await collector.has(30)
    finally:
        program.kill()
        transport.close()
    times = [reading["at"] / 1000 for reading in collector.readings()]
    assert begun + 3600 - 5 < min(times) < max(times) < time.time() + 3600 + 5  # an answer may be on its way for long
    assert collector.readings()[-1]["at"] - collector.readings()[0]["at"] > 1500, "those before the time are among them"
    assert collector.states[0]["clock"] == "ntp"
    assert all("quality" not in reading for reading in collector.readings()), "one boot: exact stamps"


@pytest.mark.slow
async def test_nothing_blocks_the_loop_while_the_broker_comes_and_goes(
    collector: Receipts, running_broker: Program, directory: Path, in_memory: Path, spot: str
) -> None:
    """The node's own probe counts turns of the loop that came more than 50 ms late.

    A shared machine may halt a process as it likes, so a few turns in a thousand are its mood; a call that blocks for
    the seconds of an outage would be hundreds. Its flash is memory: how long a shared disk syncs is not asked.
    """
    program = program_of(built(directory, in_memory, {"sensor": spot}), in_memory)
    program.start()
    try:
        await collector.has(20)
        for _ in range(2):
            running_broker.kill()
            await collector.disconnect()
            await asyncio.sleep(5)
            running_broker.start()
            await collector.connect()
            seen = len(collector.contents)
            await collector.has(seen + 60)
        connections = collector.states[-1]["connections"]
        await collector.until(lambda: collector.states[-1]["connections"] >= 3, f"{connections} connections", 120)
        state = collector.states[-1]
        print(f"late by over 50 ms: {state['loop_blocked']} of {state['loop_turns']}, worst {state['loop_lag_ms']} ms")
        assert state["loop_turns"] > 500
        assert state["loop_blocked"] <= state["loop_turns"] // 100
    finally:
        program.kill()


async def test_boot_to_first_reading_is_told(collector: Receipts, directory: Path, tmp_path: Path, spot: str) -> None:
    """Printed, not judged: in the simulator, without radio."""
    program = program_of(built(directory, tmp_path, {"sensor": spot}), tmp_path)
    begun = time.monotonic()
    program.start()
    try:
        await collector.has(1)
        print(f"boot to first published reading: {(time.monotonic() - begun) * 1000:.0f} ms")
        assert collector.readings()[0]["thing"] == "spot-0001"
    finally:
        program.kill()
