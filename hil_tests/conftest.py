"""Fixtures of the bench: a provisioned city in a directory, and a real broker beside it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from hil_tests.instruments import broker
from hil_tests.instruments.process import Program, free_port
from hil_tests.instruments.receipts import Receipts
from hil_tests.instruments.valve import Valve
from provisioning.__main__ import main as provision
from provisioning.broker import Kind


@pytest.fixture(params=broker.KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each test that asks for it runs once against each broker."""
    chosen: Kind = request.param
    if not broker.is_installed(chosen):
        pytest.skip(f"{chosen} is not installed")
    return chosen


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A provisioned city with two nodes and a gateway beside what quickstart makes."""
    city = tmp_path / "city"
    assert provision(["quickstart", str(city), "--mqtt-port", str(free_port())]) == 0
    node = ["issue", str(city), "park-0002", "--role", "node", "--thing", "spot-0002", "--center", "mobility"]
    assert provision(node) == 0
    gateway = ["issue", str(city), "gw-0001", "--role", "gateway", "--thing", "wm-0001", "--center", "environment"]
    assert provision(gateway) == 0
    return city


@pytest.fixture
def running_broker(kind: Kind, directory: Path, tmp_path: Path) -> Iterator[Program]:
    started = broker.start(kind, directory, tmp_path / "broker.log")
    yield started
    started.kill()


@pytest.fixture
async def collector(directory: Path, running_broker: Program) -> AsyncIterator[Receipts]:
    """A collector that answers with receipts, and can be told not to."""
    assert running_broker.is_running
    async with Receipts(directory) as connected:
        yield connected


@pytest.fixture
async def valve() -> AsyncIterator[Valve]:
    """A valve on a Modbus line of its own."""
    made = Valve()
    await made.start()
    yield made
    made.stop()
