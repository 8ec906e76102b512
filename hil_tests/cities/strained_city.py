"""What does a test that strains the collector need? A city of publishers, and what the collector says of itself."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hil_tests.cities.city import CITY, Plan, VirtualCity
from hil_tests.cities.koper import thing
from hil_tests.instruments import busy_gateway, flood
from hil_tests.instruments.process import Program, answers, free_ports, wait_until
from hil_tests.judging import verdict
from hil_tests.judging.comparison import compare
from hil_tests.judging.verdict import fetch
from provisioning.authority import Authority
from provisioning.broker import Kind
from provisioning.inventory import Inventory
from provisioning.quickstart import Ports

PUBLISHERS = tuple(f"gw-{number:04}" for number in range(1, 6))
START = 180.0  # s until a collector serves


@contextmanager
def running(directory: Path, kind: Kind, store: str = "duckdb") -> Iterator[VirtualCity]:
    """Broker, store and collector; nobody publishes yet."""
    authority = Authority.create(directory, CITY)
    inventory = Inventory.create(directory / "inventory.toml", CITY)
    for name in PUBLISHERS:
        authority.issue(name, "gateway")
        inventory.add_thing(thing(flood.thing_of(name), (name,) * 3, (13.73, 45.54), "mobility"))
        inventory.add_publisher(name, "gateway", [flood.thing_of(name)])
    city = VirtualCity(Plan(directory, Ports(*free_ports(2)), kind, store, nodes=(), with_meters=False))
    try:
        city.start()
        wait_until(lambda: health(city) == {}, f"the collector is well: {log_of(city)}", START)
        yield city
    finally:
        city.stop()


def log_of(city: VirtualCity) -> Path:
    return city.programs["collector"].log


def start_collector(city: VirtualCity) -> None:
    """Start it again, and wait until it serves."""
    city.programs["collector"].start()
    wait_until(lambda: serves(city), f"the collector serves: {log_of(city)}", START)


def serves(city: VirtualCity) -> bool:
    return answers(city.plan.ports.http)


def health(city: VirtualCity) -> dict[str, str]:
    """What ails it, by part: empty when it is well."""
    answer = city.door.get("/health")
    said = answer.json()
    reasons: dict[str, str] = said["reasons"]
    assert (answer.status_code, said["well"]) == ((503, False) if reasons else (200, True))
    return reasons


def metric(city: VirtualCity, name: str) -> float:
    lines = city.door.get("/metrics").raise_for_status().text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"senzorika_{name} "))


def peak_memory(program: Program) -> int:
    """The most that it ever held in memory, MB."""
    lines = Path(f"/proc/{program.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024


def flooding(city: VirtualCity, last: int, begin: int, first: int = 1) -> Program:
    """Messages ``first`` to ``last`` of each publisher are on their way."""
    started = flood.program(city.plan.directory, PUBLISHERS, first, last, begin)
    started.start()
    return started


def wait_for_end(publishing: Program, seconds: float) -> None:
    """A flood has been acknowledged by the broker, or a busy gateway has its receipts."""
    wait_until(lambda: not publishing.is_running, f"{publishing.name} is done: {publishing.log}", seconds)
    assert publishing.exit_status == 0, publishing.last_lines()


@contextmanager
def busy_gateways(city: VirtualCity, pause: float) -> Iterator[list[Program]]:
    """Every publisher measures all the time, and repeats what has no receipt."""
    gateways = [busy_gateway.program(city.plan.directory, name, pause) for name in PUBLISHERS]
    try:
        for one in gateways:
            one.start()
        yield gateways
    finally:
        for one in gateways:
            one.kill()


def let_them_finish(gateways: list[Program], seconds: float) -> None:
    """They measure no more, and end when every message has its receipt."""
    for one in gateways:
        os.kill(one.pid, signal.SIGTERM)
    for one in gateways:
        wait_for_end(one, seconds)


def assert_truth_is_stored_once(city: VirtualCity) -> None:
    """What the sensors of the busy gateways gave is what the public API knows, value by value."""
    files = [busy_gateway.truth_of(city.plan.directory, name) for name in PUBLISHERS]
    truth = verdict.read_truth(files, until=2**53)
    publishers = {flood.thing_of(name): name for name in PUBLISHERS}
    stored = fetch(city.door, publishers)
    accounts = compare(truth, stored, publishers, [], until=2**53)
    print(verdict.table(accounts))
    for name in PUBLISHERS:
        key = flood.thing_of(name), "distance"
        rows = [(one.at, one.value) for one in stored[key]]
        sent = [(one.at, one.value) for one in truth[key]]
        assert len(rows) == len(set(rows)) == len(sent), name
        assert sorted(rows) == sent, name
        assert accounts[name].agrees


def wait_until_stored(city: VirtualCity, last: int, seconds: float) -> None:
    """The ledger has all messages of all publishers. Counters would not do: what comes again counts again."""
    wait_until(
        lambda: _stored(city) == {name: [[1, last]] for name in PUBLISHERS}, "everything is stored", seconds, 0.5
    )


def _stored(city: VirtualCity) -> dict[str, list[list[int]]]:
    outboxes = city.door.get("/api/ledger").raise_for_status().json()["outboxes"]
    return {one["publisher"]: one["stored"] for one in outboxes}


def assert_stored_once(city: VirtualCity, last: int, begin: int) -> None:
    """Every content that the public API knows is what was published, each once and none else."""
    for name in PUBLISHERS:
        thing_id = flood.thing_of(name)
        stored = [(one.at, one.value) for one in fetch(city.door, [thing_id])[thing_id, "distance"]]
        sent = [flood.reading(seq, begin) for seq in range(1, last + 1)]
        assert len(stored) == len(set(stored)) == last, f"{name}: {len(stored)} rows, {len(set(stored))} distinct"
        assert sorted(stored) == sent, name
