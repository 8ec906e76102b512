"""A gateway process against virtual meters and real brokers, over mutual TLS: what survives what?"""

import asyncio
import contextlib
import json
import re
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from hil_tests.instruments.meters import Meters, Scenario
from hil_tests.instruments.process import Program
from hil_tests.instruments.receipts import Receipts
from provisioning.broker import port_of

METERS: dict[str, list[tuple[str, str, str | None, int]]] = {  # thing, recording, profile, address
    "cellar": [("wm-0001", "els_falcon", "elster_falcon", 1), ("hm-0001", "sontex_supercal_531_telegram1", None, 2)],
    "hall": [("em-0001", "abb_b23", "abb_b23", 1)],
    "roof": [("em-0002", "eastron_sdm120", "eastron_sdm120", 1)],
}
KINDS = {"cellar": "mbus", "hall": "modbus-rtu", "roof": "modbus-tcp"}
THINGS = {thing for line in METERS.values() for thing, *_ in line}


@pytest.fixture
async def meters(tmp_path: Path) -> AsyncIterator[Meters]:
    lines = [
        {
            "name": name,
            "kind": KINDS[name],
            "link": tmp_path / f"{name}.tty",
            "baud": 2400 if name == "cellar" else 9600,
            "meter": [{"thing": thing, "model": model, "address": at} for thing, model, _, at in line],
        }
        for name, line in METERS.items()
    ]
    made = Meters(Scenario.model_validate({"truth": tmp_path / "truth.jsonl", "line": lines}))
    await made.start()
    yield made
    await made.stop()


def configuration(meters: Meters, directory: Path, **changes: object) -> str:
    certificates = directory / "certificates"
    text = (
        f'city = "koper"\npublisher = "gw-0001"\n[broker]\nport = {port_of(directory)}\nca = "{directory}/ca/ca.pem"\n'
    )
    text += f'certificate = "{certificates}/gw-0001.pem"\nkey = "{certificates}/gw-0001.key"\n'
    for name, line in METERS.items():
        text += f'[[line]]\nname = "{name}"\nkind = "{KINDS[name]}"\nport = "{meters.ports[name]}"\n'
        text += f'baud = {2400 if name == "cellar" else 9600}\nparity = "N"\n'  # a pty refuses parity once it is set
        for thing, _, profile, address in line:
            key = "primary_address" if name == "cellar" else "unit_id"
            text += f'[[line.meter]]\nthing = "{thing}"\n{key} = {address}\nperiod = {changes.get("period", 1)}\n'
            text += f'profile = "{profile}"\n' if profile else ""
    return text


def _command(tmp_path: Path) -> list[str | Path]:
    return [sys.executable, "-m", "edge", "--config", tmp_path / "gateway.toml"]


@pytest.fixture
def gateway(meters: Meters, directory: Path, tmp_path: Path) -> Iterator[Program]:
    (tmp_path / "gateway.toml").write_text(configuration(meters, directory))
    program = Program("gw-0001", _command(tmp_path), tmp_path / "gateway.log")
    yield program
    if program.is_running:
        program.kill()


def disagreements(readings: list[dict[str, Any]], tmp_path: Path) -> list[tuple[str, str, int, object, object]]:
    """Values that are not what the meter gave last before the reading's stamp."""
    truths = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text("utf-8").splitlines()]
    wrong: list[tuple[str, str, int, object, object]] = []
    for reading in readings:
        for quantity, value in reading["values"].items():
            given = [
                truth["values"][quantity]
                for truth in truths
                if truth["thing"] == reading["thing"] and truth["at"] <= reading["at"] and quantity in truth["values"]
            ]
            if not given or given[-1] != value:
                wrong.append((reading["thing"], quantity, reading["at"], value, given[-1:]))
    return wrong


def kept(tmp_path: Path, which: str = "true") -> set[int]:
    """The numbers in the outbox of a gateway that does not run."""
    with contextlib.closing(sqlite3.connect(tmp_path / "outbox.sqlite")) as connection:
        return {seq for (seq,) in connection.execute(f"SELECT seq FROM message WHERE {which}")}  # noqa: S608 - our words


def unreceived(tmp_path: Path) -> set[int]:
    return kept(tmp_path, "NOT received")


async def stopped(gateway: Program) -> None:
    await asyncio.to_thread(gateway.stop, 60)


async def test_every_meter_arrives_with_the_values_it_gave(
    gateway: Program, collector: Receipts, tmp_path: Path
) -> None:
    gateway.start()
    await collector.until(lambda: {reading["thing"] for reading in collector.readings()} == THINGS, "every thing")
    await collector.until(lambda: len(collector.readings()) > 20, "twenty readings")
    await stopped(gateway)
    assert gateway.exit_status == 0
    assert disagreements(collector.readings(), tmp_path) == []
    heat = next(reading for reading in collector.readings() if reading["thing"] == "hm-0001")
    assert {"heat_energy_gj", "heat_energy_gj.s1", "volume", "status_code"} <= set(heat["values"])
    assert collector.states[0]["online"] is True
    await collector.until(lambda: collector.states[-1]["online"] is False, "the state says offline", 120)


async def test_a_gateway_killed_at_any_moment_loses_nothing_it_had_stamped(
    gateway: Program, collector: Receipts, tmp_path: Path
) -> None:
    collector.answers = False
    for readings in (5, 12, 20):
        gateway.start()
        await collector.until(lambda least=readings: len(collector.readings()) >= least, f"{readings} readings")  # type: ignore[misc]
        gateway.kill()
    collector.answers = True
    gateway.start()
    await collector.until(lambda: len(collector.readings()) > 25, "new readings after the last start")
    await stopped(gateway)
    numbers = collector.numbers()
    assert numbers >= set(range(1, max(numbers)))  # without a gap; the newest may be under way
    assert disagreements(collector.readings(), tmp_path) == []


async def test_what_has_no_receipt_is_sent_again_and_what_has_one_is_not(
    gateway: Program, collector: Receipts, tmp_path: Path
) -> None:
    collector.answers = False
    gateway.start()
    await collector.until(lambda: len(collector.numbers()) >= 4, "four messages without a receipt")
    gateway.kill()
    before, old = collector.numbers(), kept(tmp_path)  # an old one may be under way still: then it comes twice, too
    collector.answers = True
    gateway.start()
    await collector.until(lambda: all(collector.contents[content] > 1 for content in _of(collector, before)), "again")
    await collector.until(lambda: collector.numbers() >= old, "what had not left")
    known = len(collector.numbers())
    await collector.until(lambda: len(collector.numbers()) > known + 6, "the rest goes on; receipts were on their way")
    await stopped(gateway)
    new = collector.numbers() - old
    assert min(new) > max(old)
    assert not unreceived(tmp_path) & old
    assert all(collector.contents[content] == 1 for content in _of(collector, new))


def _of(collector: Receipts, numbers: set[int]) -> list[bytes]:
    return [content for content in collector.contents if json.loads(content)["seq"] in numbers]


async def test_an_outage_of_the_broker_costs_nothing(
    gateway: Program, running_broker: Program, directory: Path, tmp_path: Path
) -> None:
    async with Receipts(directory) as before:
        gateway.start()
        await before.until(lambda: len(before.readings()) >= 4, "readings")
    running_broker.kill()
    await asyncio.sleep(3)  # real meters go on being read by a real clock
    running_broker.start()
    async with Receipts(directory) as after:
        await after.until(lambda: len(after.readings()) >= 12, "what was read meanwhile", 120)
        await stopped(gateway)
    numbers = before.numbers() | after.numbers()
    assert numbers >= set(range(1, max(numbers)))
    assert disagreements(before.readings() + after.readings(), tmp_path) == []


async def test_a_reading_names_the_meter_it_comes_from(gateway: Program, collector: Receipts) -> None:
    gateway.start()
    await collector.until(lambda: len(collector.readings()) >= 4, "readings")
    await stopped(gateway)
    sources = {reading["thing"]: reading.get("source", "") for reading in collector.readings()}
    assert any(re.fullmatch("[A-Z]{3}-[0-9]{8}-[0-9a-f]{2}", source) for source in sources.values()), sources


async def test_nothing_is_sent_while_the_collector_says_offline(gateway: Program, collector: Receipts) -> None:
    collector.tell(online=False, at=1)
    gateway.start()
    await collector.until(lambda: any("outbox_depth" in state for state in collector.states), "the gateway's state")
    await asyncio.sleep(3)  # long enough for several readouts
    assert collector.numbers() == set()
    collector.tell(online=True, at=2)
    await collector.until(lambda: len(collector.numbers()) >= 6, "the backlog")


async def test_a_second_gateway_on_the_same_outbox_says_so(
    gateway: Program, collector: Receipts, tmp_path: Path
) -> None:
    gateway.start()
    await collector.until(lambda: bool(collector.numbers()), "the first one runs")
    second = Program("second", _command(tmp_path), tmp_path / "second.log")
    second.start()
    await collector.until(lambda: not second.is_running, "the second one ends")
    assert second.exit_status == 2
    assert "another gateway has it open" in second.last_lines()


async def until_it_says(gateway: Program, text: str, count: int) -> None:
    async with asyncio.timeout(120):
        while gateway.last_lines().count(text) < count:  # noqa: ASYNC110 - a process tells us by its log only
            await asyncio.sleep(0.1)


async def test_a_certificate_of_somebody_else_sends_nothing_and_keeps_its_readings(
    gateway: Program, collector: Receipts, tmp_path: Path
) -> None:
    wrong = (tmp_path / "gateway.toml").read_text().replace("gw-0001.pem", "park-0002.pem")
    (tmp_path / "gateway.toml").write_text(wrong.replace("gw-0001.key", "park-0002.key"))
    gateway.start()
    # nats refuses the subscription, mosquitto hangs up at the first publication; both are said, and tried more rarely.
    await until_it_says(gateway, "WARNING uplink: ", 3)
    await stopped(gateway)
    assert collector.numbers() == set()
    assert unreceived(tmp_path)


async def test_a_broker_that_is_not_there_is_one_line_each_time(gateway: Program, tmp_path: Path) -> None:
    gateway.start()
    await until_it_says(gateway, "WARNING uplink: ", 2)
    await stopped(gateway)
    assert gateway.exit_status == 0
    assert "Traceback" not in (tmp_path / "gateway.log").read_text()
    assert unreceived(tmp_path)
