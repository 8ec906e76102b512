"""A node in real MicroPython, over mutual TLS, against both brokers: what survives what?"""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from hil_tests.cities.koper import EVERY_SAMPLE
from hil_tests.instruments import node
from hil_tests.instruments.process import BenchError, Program, find
from hil_tests.instruments.receipts import Receipts
from hil_tests.instruments.sensors import Scenario, Sensors
from provisioning.broker import Kind, port_of

SENSORS = [
    {"thing": "spot-0001", "kind": "parking", "mean": 3.0},
    {"thing": "water-0001", "kind": "water", "litres_per_pulse": "0.5", "flow": 3.6},
    {"thing": "spot-0002", "kind": "parking", "changes": [[0, "free"]]},
]
WATER = {"thing": "water-0001", "kind": "water", "litres_per_pulse": [5, -1]}

try:
    find("micropython")
except BenchError as missing:
    pytest.skip(str(missing), allow_module_level=True)


@pytest.fixture
async def sensors(tmp_path: Path) -> AsyncIterator[Sensors]:
    listening = Sensors(Scenario.model_validate({"truth": tmp_path / "truth.jsonl", "seed": 7, "sensor": SENSORS}))
    await listening.start()
    yield listening
    await listening.stop()


Build = Callable[..., Program]


@pytest.fixture
def build(directory: Path, sensors: Sensors, tmp_path: Path) -> Iterator[Build]:
    """Make the node park-0001, with changes to its settings."""
    built: list[Program] = []

    def make(**changes: object) -> Program:
        thing = str(changes.get("thing", "spot-0001"))
        config = {
            "city": "koper",
            "publisher": "park-0001",
            "thing": thing,
            "kind": "parking",
            "period_ms": 200,
            "broker": {"host": "127.0.0.1", "port": port_of(directory), "server_name": "localhost"},
            "hal": {"sensor": f"127.0.0.1:{sensors.ports[thing]['sensor']}"},
            **({} if "kind" in changes else EVERY_SAMPLE),
            **changes,
        }
        made = node.build(tmp_path / "park-0001", config, directory / "certificates", directory / "ca" / "ca.der")
        built.append(Program("park-0001", made.command, tmp_path / "park-0001.log", environment=made.environment))
        return built[-1]

    yield make
    for program in built:
        if program.is_running:
            program.kill()


def truths(tmp_path: Path, thing: str) -> list[dict[str, Any]]:
    lines = (tmp_path / "truth.jsonl").read_text("utf-8").splitlines()
    return [truth for line in lines if (truth := json.loads(line))["thing"] == thing]


async def has_settled() -> None:
    """What a node asked before it was killed is answered, and among the truths."""
    for _ in range(10):  # turns of the loop, in which the sensors live as well
        await asyncio.sleep(0.1)


def unmatched(given: list[dict[str, Any]], readings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The truths, but for the last, that have not exactly one reading, with their values, before the next truth."""
    wrong = []
    for truth, following in pairwise(given):
        found = [reading["values"] for reading in readings if truth["at"] <= reading["at"] < following["at"]]
        if len(found) != 1 or found[0] | truth["values"] != found[0]:
            wrong.append(truth)
    return wrong


async def test_a_node_publishes_each_value_once_and_forgets_what_has_a_receipt(
    collector: Receipts, build: Build, tmp_path: Path
) -> None:
    parking = build()
    parking.start()
    await collector.until(lambda: collector.numbers() >= set(range(1, 21)), "20 readings")
    assert unmatched(truths(tmp_path, "spot-0001")[:20], collector.readings()) == []
    assert max(collector.contents.values()) == 1
    state = collector.states[0]
    assert state["online"]
    assert (state["boot"], state["clock"], state["firmware"]) == (1, "host", "0.1.0")
    assert state["heap_free"] > 8_000


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_what_the_broker_or_the_collector_forgot_is_published_again(
    collector: Receipts, running_broker: Program, build: Build, tmp_path: Path
) -> None:
    parking = build()
    collector.answers = False
    parking.start()
    await collector.has(10)
    collector.contents.clear()  # a collector that died before its commit
    running_broker.kill()
    await collector.disconnect()
    await asyncio.sleep(30)  # the outage itself: the node goes on sampling
    collector.answers = True
    running_broker.start()
    await collector.connect()
    given = truths(tmp_path, "spot-0001")
    # nats gives a message it had already sent to the dead connection again after its ack_wait of 10 s
    await collector.until(lambda: not unmatched(given, collector.readings()), "the readings of the outage", 120)


async def test_while_the_collector_is_away_the_state_holds_for_an_hour(collector: Receipts, build: Build) -> None:
    collector.tell(online=False, at=1_795_392_000_000)
    build().start()
    await collector.until(
        lambda: any(one["next"] - one["at"] == 3_600_000 for one in collector.states), "a rare state", 80
    )


async def test_a_full_outbox_keeps_what_it_has_and_the_state_names_what_it_can_not_keep(
    collector: Receipts, build: Build
) -> None:
    collector.answers = False
    parking = build(thing="spot-0002", outbox_bytes=3000)  # no car comes: for an alarm there is room
    parking.start()

    def dropped() -> list[list[int]]:
        """As the newest state says that is no will."""
        return next((one["dropped"] for one in reversed(collector.states) if "dropped" in one), [])

    await collector.until(lambda: bool(dropped()), "dropped in the state")
    first_dropped = dropped()[0][0]
    kept = set(range(1, first_dropped))
    await collector.until(lambda: collector.numbers() >= kept, "what is kept")
    assert collector.numbers() == kept
    collector.answers = True
    parking.kill()
    parking.start()  # a new connection publishes what is kept, and its receipts make room
    await collector.until(lambda: max(collector.numbers()) > first_dropped, "readings after the gap")
    gap = set(range(first_dropped, min(seq for seq in collector.numbers() if seq > first_dropped)))
    await collector.until(
        lambda: gap <= {seq for first, last in dropped() for seq in range(first, last + 1)}, f"{gap} in the state"
    )


async def test_a_killed_node_loses_at_most_the_value_it_was_reading(
    collector: Receipts, build: Build, tmp_path: Path
) -> None:
    parking, at_kill = build(), []
    collector.answers = False
    parking.start()
    for goal in (8, 30):
        await collector.has(goal)
        parking.kill()
        await has_settled()
        at_kill.append(truths(tmp_path, "spot-0001")[-1])
        parking.start()
    await collector.has(45)
    await collector.until(lambda: max(state.get("boot", 0) for state in collector.states) == 3, "the third start")
    await collector.until(lambda: any(not state["online"] for state in collector.states), "a will")
    given = truths(tmp_path, "spot-0001")[:44]

    def lost() -> list[dict[str, Any]]:
        return [truth for truth in unmatched(given, collector.readings()) if truth not in at_kill]

    await collector.until(lambda: not lost(), "every value")  # an alarm overtakes what was kept before it
    collector.answers = True
    assert len(collector.numbers()) == len(collector.contents), "a number was given twice"


async def test_a_killed_water_node_counts_every_pulse_once(collector: Receipts, build: Build, tmp_path: Path) -> None:
    water, at_kill = build(**WATER), []
    water.start()
    for goal in (10, 20, 30):
        await collector.has(goal)
        water.kill()
        await has_settled()  # and pulses come that nobody asks for
        at_kill.append(truths(tmp_path, "water-0001")[-1])
        water.start()
    await collector.has(40)
    given = truths(tmp_path, "water-0001")[:39]
    assert given[-1]["values"]["water_volume"] > 0.005
    assert [truth for truth in unmatched(given, collector.readings()) if truth not in at_kill] == []


async def test_a_broker_with_the_wrong_name_is_refused_and_sampling_goes_on(
    collector: Receipts, directory: Path, build: Build, tmp_path: Path
) -> None:
    parking = build(broker={"host": "127.0.0.1", "port": port_of(directory), "server_name": "elsewhere"})
    parking.start()
    refusal = "the broker's certificate has another name"
    await collector.until(lambda: refusal in parking.last_lines(), refusal)
    known = len(truths(tmp_path, "spot-0001"))
    await collector.until(lambda: len(truths(tmp_path, "spot-0001")) > known + 10, "10 values after it")
    assert parking.is_running
    assert not collector.contents


async def test_a_refused_subscription_is_named(
    collector: Receipts, kind: Kind, directory: Path, build: Build, tmp_path: Path
) -> None:
    if kind == "mosquitto":
        pytest.skip("mosquitto 2.0.11 grants every subscription and delivers nothing of others")
    parking = build()
    for name in ("der", "key.der"):
        mine = tmp_path / "park-0001" / ("cert.der" if name == "der" else "key.der")
        mine.write_bytes((directory / "certificates" / f"park-0002.{name}").read_bytes())
    parking.start()
    refusal = "subscription refused: koper/v1/park-0001/receipt"
    await collector.until(lambda: refusal in parking.last_lines(), refusal)


async def test_readings_before_the_clock_is_valid_are_stamped_when_it_is(
    collector: Receipts, sensors: Sensors, build: Build, tmp_path: Path
) -> None:
    parking = build(hal={"sensor": f"127.0.0.1:{sensors.ports['spot-0001']['sensor']}", "clock_after_ms": 2000})
    parking.start()
    await collector.until(lambda: collector.numbers() >= set(range(1, 17)), "16 readings")
    given, found = truths(tmp_path, "spot-0001")[:16], collector.readings()[:15]
    assert [reading["values"] for reading in found] == [truth["values"] for truth in given[:15]]
    for reading, (truth, following) in zip(found, pairwise(given), strict=True):
        assert truth["at"] - 5 <= reading["at"] < following["at"] + 5


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"thing": "spot-0001", "period_ms": "soon"}, "node.json: period_ms: expected a whole number over 0"),
        ({"kind": "volcano"}, "node.json: kind: there is no node kind volcano"),
        ({"kind": "water"}, "node.json: litres_per_pulse: missing"),
        ({"hal": {}}, "node.json: hal: sensor"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(
    directory: Path, tmp_path: Path, changes: dict[str, object], line: str
) -> None:
    config = {
        "city": "koper",
        "publisher": "park-0001",
        "thing": "spot-0001",
        "kind": "parking",
        "period_ms": 200,
        "broker": {"host": "127.0.0.1", "port": 1, "server_name": "localhost"},
        "hal": {"sensor": "127.0.0.1:1"},
        **changes,
    }
    built = node.build(tmp_path / "node", config, directory / "certificates", directory / "ca" / "ca.der")
    ran = subprocess.run(built.command, env=built.environment, capture_output=True, text=True, timeout=120, check=False)
    assert ran.stdout.splitlines() == ["boot: slot a", line]
    assert ran.returncode == 2
