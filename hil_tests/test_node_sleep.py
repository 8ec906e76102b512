"""A node on a battery: it wakes, publishes, waits for its receipt and sleeps; a long outage costs it little.

Its time runs 2400 times as fast: an hour is a second and a half. The network has the real one: a wake that finds no
broker tries for fifteen seconds, ten of its hours.
"""

import re
import time
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from firmware import contract
from hil_tests.instruments import node, shown
from hil_tests.instruments.fast_time import Clock, starting_at
from hil_tests.instruments.process import BenchError, Program, find
from hil_tests.instruments.receipts import Receipts
from hil_tests.instruments.sensors import Scenario, Sensors
from provisioning.broker import port_of

HOUR_MS = 3_600_000
SPEED = 2400
OUTAGE_HOURS = 10

try:
    find("micropython")
except BenchError as missing:
    pytest.skip(str(missing), allow_module_level=True)


@pytest.fixture
def clock(request: pytest.FixtureRequest) -> Clock:
    """Stamps in the past: none is from the future, however long the test takes."""
    speed: int = getattr(request, "param", SPEED)
    return starting_at(time.time_ns() // 1_000_000 - 400 * HOUR_MS, speed)


@pytest.fixture
async def collector(directory: Path, running_broker: Program) -> AsyncIterator[Receipts]:
    assert running_broker.is_running
    async with Receipts(directory) as connected:
        connected.tell(online=True, at=1_795_392_000_000)
        yield connected


async def started(
    directory: Path, tmp_path: Path, clock: Clock, sensor: dict[str, Any], settings: dict[str, Any]
) -> tuple[Program, Sensors]:
    """A node on a battery and its sensor."""
    scenario = {"truth": tmp_path / "truth.jsonl", "clock": clock, "sensor": [sensor]}
    sensors = Sensors(Scenario.model_validate(scenario))
    await sensors.start()
    config: dict[str, Any] = {
        "city": "koper",
        "publisher": "park-0001",
        "thing": sensor["thing"],
        "kind": sensor["kind"],
        "battery": {"report_ms": HOUR_MS, "receipt_ms": 800},
        "broker": {"host": "127.0.0.1", "port": port_of(directory), "server_name": "localhost"},
        "hal": {"sensor": f"127.0.0.1:{sensors.ports[sensor['thing']]['sensor']}", "clock": clock._asdict()},
        **settings,
    }
    built = node.build(tmp_path / "node", config, directory / "certificates", directory / "ca" / "ca.der")
    program = Program("park-0001", built.command, tmp_path / "node.log", environment=built.environment)
    program.start()
    return program, sensors


@pytest.fixture
async def water(
    request: pytest.FixtureRequest, directory: Path, tmp_path: Path, clock: Clock
) -> AsyncIterator[Program]:
    """A water node that samples and reports every hour; how long it waits for a receipt, in real ms, may be given."""
    meter = {"thing": "water-0001", "kind": "water", "litres_per_pulse": "10", "flow": 0.5}
    battery = {"report_ms": HOUR_MS, "receipt_ms": getattr(request, "param", 800)}
    settings = {"litres_per_pulse": 10, "period_ms": HOUR_MS, "battery": battery}
    program, sensors = await started(directory, tmp_path, clock, meter, settings)
    yield program
    program.kill()
    await sensors.stop()


@pytest.mark.parametrize(("clock", "water"), [(SPEED // 2, 30_000)], indirect=True)
async def test_each_wake_brings_its_reading_and_says_when_the_next_will_come(
    collector: Receipts, water: Program
) -> None:
    await collector.until(lambda: len(collector.contents) >= 4 and len(collector.states) >= 4, "4 of each", 120)
    assert collector.numbers() >= {1, 2, 3, 4}
    assert max(collector.contents.values()) == 1, "nothing is sent twice while receipts come"
    first, *others = several = collector.states[:4]
    assert first["reset"] == "power_on"
    assert {one["next"] - one["at"] for one in several} == {2 * HOUR_MS}, (
        "its report goes with the first wake after it is due"
    )
    assert any(after["at"] <= before["next"] for before, after in pairwise(several)), water.last_lines()
    for before, after in zip(collector.states, others, strict=False):
        assert before["at"] < after["at"]
        assert (after["reset"], after["wakes"]) == ("deep_sleep", before["wakes"] + 1)
        assert after["outbox_depth"] == 0, "it slept before its receipt came"
        assert before["awake_ms"] < after["awake_ms"]
        assert 0 < after["radio_ms"] < after["awake_ms"]
    assert all(state["online"] for state in collector.states), "a sleeping node has not died"
    slept = re.findall(r"waking: asleep for (\d+) ms after (\d+)", water.log.read_text())
    assert len(slept) >= 3
    times = [(int(pause), int(awake)) for pause, awake in slept]
    assert [pause for pause, _ in times] == [max(HOUR_MS - awake, 1) for _, awake in times], "24 wakes a day"
    assert any(awake < HOUR_MS for _, awake in times), "a machine that halted it each time proves nothing"


def a_car_comes(folder: Path) -> None:
    shown.write(folder / shown.NAME, "spot-0001", "sensor", 0.4)  # m above the spot


async def test_a_sleeping_parking_node_remembers_what_it_saw_and_tells_a_change_before_its_report_is_due(
    collector: Receipts, directory: Path, tmp_path: Path, clock: Clock
) -> None:
    """The node looks every ten minutes and believes three looks; a report is due in ten days, six minutes here."""
    spot = {"thing": "spot-0001", "kind": "parking", "changes": [(0, "free")]}
    settings = {"period_ms": HOUR_MS // 6, "battery": {"report_ms": 240 * HOUR_MS, "receipt_ms": 800}}
    program, sensors = await started(directory, tmp_path, clock, spot, settings)
    try:

        def told() -> list[str]:
            return [one["values"]["occupancy"] for one in collector.readings()]

        await collector.until(lambda: told()[-1:] == ["free"], "the free spot", 120)
        a_car_comes(tmp_path)
        await collector.until(lambda: told()[-1:] == ["occupied"], "the car", 120)
        changes = [word for number, word in enumerate(told()) if number == 0 or told()[number - 1] != word]
        assert changes in (["unknown", "free", "occupied"], ["free", "occupied"]), program.last_lines()
    finally:
        program.kill()
        await sensors.stop()


def tries(program: Program) -> int:
    """In vain."""
    return program.log.read_text().count("waking: no connection")


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_an_alarm_that_finds_no_broker_is_tried_again_long_before_the_report_is_due(
    collector: Receipts, running_broker: Program, directory: Path, tmp_path: Path, clock: Clock
) -> None:
    """A car comes in an outage that ends once the node has given up; a report is due in twelve days."""
    spot = {"thing": "spot-0001", "kind": "parking", "changes": [(0, "free")]}
    settings = {"period_ms": HOUR_MS // 6, "battery": {"report_ms": 288 * HOUR_MS, "receipt_ms": 800}}
    program, sensors = await started(directory, tmp_path, clock, spot, settings)

    def told() -> list[str]:
        return [one["values"]["occupancy"] for one in collector.readings()]

    try:
        await collector.until(lambda: told()[-1:] == ["free"], "the free spot", 120)
        running_broker.kill()
        await collector.disconnect()
        in_vain = tries(program)
        a_car_comes(tmp_path)
        begun = clock.now_ms()
        await collector.until(lambda: tries(program) > in_vain, "a try in vain", 60)
        running_broker.start()
        await collector.connect()
        await collector.until(lambda: told()[-1:] == ["occupied"], "the car", 90)
        assert clock.now_ms() - begun < 144 * HOUR_MS, program.last_lines()
    finally:
        program.kill()
        await sensors.stop()


def hangs(collector: Receipts, _broker: Program) -> None:
    collector.answers = False


def goes(collector: Receipts, _broker: Program) -> None:
    collector.answers = False
    collector.tell(online=False, at=1_795_392_000_001)


def is_cut_off(collector: Receipts, broker: Program) -> None:
    collector.answers = False
    broker.kill()


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("breaks", [hangs, goes, is_cut_off])
async def test_after_ten_hours_without_a_collector_everything_arrives_and_nothing_was_sent_often(
    breaks: Callable[[Receipts, Program], None],
    collector: Receipts,
    running_broker: Program,
    water: Program,
    clock: Clock,
) -> None:
    await collector.until(
        lambda: len(collector.contents) >= 2 and len(collector.states) > 0, "a state and two readings", 60
    )
    breaks(collector, running_broker)
    begun = clock.now_ms()
    await collector.until(lambda: clock.now_ms() - begun > OUTAGE_HOURS * HOUR_MS, "ten hours", 120)
    if not running_broker.is_running:
        running_broker.start()
        await collector.disconnect()
        await collector.connect()
    collector.answers = True
    collector.tell(online=True, at=1_795_392_000_002)

    def is_whole() -> bool:
        """A wake that sampled when it was over has told all, and its state last."""
        last, newest = collector.states[-1], collector.readings()[-1]
        return bool(last["at"] > newest["at"] > begun + OUTAGE_HOURS * HOUR_MS and last["outbox_depth"] == 0)

    await collector.until(is_whole, "an empty outbox", 120)
    numbers = collector.numbers()
    assert numbers == set(range(1, max(numbers) + 1))
    assert len(numbers) >= OUTAGE_HOURS - 2
    often = {contract.decode_reading(payload)["seq"]: times for payload, times in collector.contents.items()}
    print(f"transmissions of each message: {often}")
    assert max(often.values()) <= 3, water.last_lines(60)
