"""A configuration from a center reaches a real node over a real broker, and only a good one stays."""

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from hil_tests.instruments import probe
from hil_tests.instruments.center import Center, center, trusted
from hil_tests.instruments.fast_time import starting_at
from hil_tests.instruments.process import BenchError, Program, find
from hil_tests.instruments.receipts import Receipts
from provisioning import release
from provisioning.__main__ import main as provision

CENTER = "center-water"
TRUST = {CENTER: ["config"], "releases": ["update"]}
SPEED = 60  # the minute of a trial is a second here

try:
    find("micropython")
except BenchError as missing:
    pytest.skip(str(missing), allow_module_level=True)


@pytest.fixture
async def collector(directory: Path, running_broker: Program) -> AsyncIterator[Receipts]:
    assert running_broker.is_running
    assert provision(["issue", str(directory), CENTER, "--role", "center"]) == 0
    async with Receipts(directory) as connected:
        yield connected


@pytest.fixture
def key(tmp_path: Path) -> ec.EllipticCurvePrivateKey:
    made = ec.generate_private_key(ec.SECP256R1())
    trusted(tmp_path / "node", center_water=made, releases=made)
    return made


@pytest.fixture
def water(collector: Receipts, directory: Path, key: ec.EllipticCurvePrivateKey) -> Iterator[Center]:
    assert not collector.states
    with center(directory, CENTER, key) as connected:
        yield connected


@pytest.fixture
def node(water: Center, directory: Path, tmp_path: Path) -> Iterator[Program]:
    assert water
    clock = starting_at(time.time_ns() // 1_000_000 - 6 * 3_600_000, SPEED)
    started = probe.program(directory, tmp_path, TRUST, clock)
    started.start()
    yield started
    started.kill()


class Seen:
    """What the city knows of the node since this was made."""

    def __init__(self, collector: Receipts) -> None:
        self._collector = collector
        self._states = len(collector.states)

    def state(self) -> dict[str, Any]:
        told = [one for one in self._collector.states[self._states :] if one["online"]]
        return told[-1] if told else {}

    def step(self) -> float:
        """Of the newest reading, in mm."""
        readings = self._collector.readings()
        return round(readings[-1]["values"]["distance"] * 1000) if readings else 0

    async def has(self, node: Program, number: int, step: int, error: str = "") -> None:
        def is_so() -> bool:
            state = self.state()
            found = (state.get("config", 0) if state else -1, state.get("config_error", ""), self.step())
            return found == (number, error, step)

        try:
            await self._collector.until(is_so, f"configuration {number}, {error!r}", 120)
        except TimeoutError:
            raise AssertionError(f"{self.state()}, step {self.step()}\n{node.last_lines()}") from None


async def test_a_configuration_is_applied_reported_and_survives(
    collector: Receipts, water: Center, node: Program
) -> None:
    await Seen(collector).has(node, 0, 1)
    water.configure(probe.PUBLISHER, 4, {"step": 7})
    await Seen(collector).has(node, 4, 7)
    for _ in range(2):
        node.kill()
        seen = Seen(collector)
        node.start()  # the broker gives it the retained one once more
        await seen.has(node, 4, 7)
    water.configure(probe.PUBLISHER, 5, {"period_ms": 100 * SPEED})
    await Seen(collector).has(node, 5, 1)


async def test_a_bad_one_is_refused_by_name_and_the_old_one_stays(
    collector: Receipts, water: Center, node: Program, key: ec.EllipticCurvePrivateKey
) -> None:
    water.configure(probe.PUBLISHER, 4, {"step": 7})
    await Seen(collector).has(node, 4, 7)
    boot = Seen(collector)
    for message, error in (
        (water.signed({"number": 5, "settings": {"step": 100}}), "step: expected a whole number from 1 to 99"),
        (water.signed({"number": 5, "settings": {"step": 9, "hal": {}}}), "hal: is not for a configuration to change"),
        (water.signed({"number": 3, "settings": {"step": 9}}), "number 3 is not above 4"),
        (water.signed({"number": 4, "settings": {"step": 9}}), "number 4 is not above 4"),
        ({"number": 5, "settings": {"step": 9}, "by": CENTER}, "not signed by center-water"),
        ({**water.signed({"number": 5, "settings": {"step": 8}}), "number": 6}, "not signed by center-water"),
        (release.signed({"number": 5, "settings": {}}, key, "releases"), "releases may not configure here"),
    ):
        water.publish_config(probe.PUBLISHER, message)
        await boot.has(node, 4, 7, error)
    node.kill()
    node.start()
    await Seen(collector).has(node, 4, 7, "releases may not configure here")
    water.configure(probe.PUBLISHER, 5, {"step": 9})
    await Seen(collector).has(node, 5, 9)


@pytest.mark.parametrize(
    ("mood", "error"),
    [
        ("crashing", "number 5 was given up: failed 3 starts"),
        ("refusing", "number 5 was given up: hal: this mood is not wired"),
    ],
)
async def test_one_that_the_node_can_not_run_with_is_given_up(
    collector: Receipts, water: Center, node: Program, mood: str, error: str
) -> None:
    water.configure(probe.PUBLISHER, 4, {"step": 7})
    await Seen(collector).has(node, 4, 7)
    log = node.log.stat().st_size
    await _confirmed(collector, node)
    water.configure(probe.PUBLISHER, 5, {"step": 9, "mood": mood})
    await Seen(collector).has(node, 4, 7, error)
    assert node.log.read_bytes()[log:].count(b"config: number 5, restarting") == 1
    water.configure(probe.PUBLISHER, 6, {"step": 8})
    await Seen(collector).has(node, 6, 8)


async def _confirmed(collector: Receipts, node: Program) -> None:
    """The configuration that is there is no longer on trial."""
    kept = node.log.parent / "node" / "config.json"
    await collector.until(lambda: b'"trial": null' in kept.read_bytes(), "the end of the trial")
