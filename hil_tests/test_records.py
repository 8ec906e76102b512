"""What a city said is said again to another collector, and a line answers as it did; what is no record is refused."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from edge import config as gateway
from edge.bus import Bus, MbusBus, ModbusBus
from firmware import contract
from hil_tests import records
from hil_tests.cities.city import Plan, VirtualCity
from hil_tests.cities.koper import NODES
from hil_tests.instruments.fast_time import REAL
from hil_tests.instruments.line_record import Replay
from hil_tests.instruments.meters import Meters, load
from hil_tests.instruments.process import free_ports, wait_until
from hil_tests.judging.comparison import Key, Value
from hil_tests.judging.verdict import fetch
from hil_tests.records import Said
from provisioning.broker import Kind
from provisioning.quickstart import Ports

TRAFFIC = 12.0  # s


def since(begin: int, city: VirtualCity) -> dict[Key, list[tuple[int, Value]]]:
    """Everything measured from then on, as the public API has it."""
    found = fetch(city.door, city.publishers)
    several = {key: sorted((one.at, one.value) for one in of if one.at >= begin) for key, of in found.items()}
    return {key: of for key, of in several.items() if of}


def times_of(several: Sequence[Said], begin: int) -> dict[Key, set[int]]:
    """When was measured, from then on, what they say?"""
    found: dict[Key, set[int]] = {}
    for one in several:
        if one.topic.endswith("/reading"):
            for reading in contract.decode_reading(one.payload.encode())["readings"]:
                for quantity in reading["values"] if reading["at"] >= begin else ():
                    found.setdefault((reading["thing"], quantity), set()).add(reading["at"])
    return found


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_was_said_is_stored_once_by_another_collector_however_often_it_is_said_again(
    kind: Kind, tmp_path: Path
) -> None:
    file = tmp_path / "said.jsonl"
    first = VirtualCity(Plan(tmp_path / "first", Ports(*free_ports(2)), kind, nodes=NODES[:1]))
    try:
        first.start()
        with records.listening(first.plan.directory, file):
            begin = REAL.now_ms()
            time.sleep(TRAFFIC)
            wait_until(lambda: {key[0] for key in since(begin, first)} == set(first.publishers), "every thing is read")
            for name in first.devices:
                first.programs[name].stop()
        said = records.read(file)
        heard = times_of(said, begin)

        def known() -> dict[Key, list[tuple[int, Value]]]:
            """Without what was measured last and reached the reader no more."""
            found = since(begin, first).items()
            return {key: [one for one in of if one[0] <= max(heard[key])] for key, of in found if key in heard}

        wait_until(
            lambda: {key: {at for at, _ in of} for key, of in known().items()} == heard, "what was heard is stored"
        )
        kept = known()
    finally:
        first.stop()
    assert {one.topic.rpartition("/")[2] for one in said} == {"reading", "state"}
    second = VirtualCity(Plan(tmp_path / "second", Ports(*free_ports(2)), kind, nodes=NODES[:1], is_silent=True))
    try:
        second.start()
        for _ in range(2):
            assert records.say(second.plan.directory, said) == sum("/collector/" not in one.topic for one in said)
        wait_until(lambda: since(begin, second) == kept, "the same is stored")
    finally:
        second.stop()
    assert len(kept) > 20


def test_what_is_no_record_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "said.jsonl"
    good = json.dumps(Said(1, "koper/v1/park-0001/state", "{}")._asdict())
    for bad in ("{", '{"at": 1}', "[1]"):
        file.write_text(f"{good}\n{bad}\n")
        with pytest.raises(ValueError, match="line 2: "):
            records.read(file)
    assert records.main(["say", str(tmp_path), str(file)]) == 2


LINES: dict[str, tuple[str, Callable[[gateway.LineConfig], Bus], dict[str, object]]] = {
    "mbus": ("els_falcon", MbusBus, {"primary_address": 1, "profile": "elster_falcon"}),
    "modbus-rtu": ("abb_b23", ModbusBus, {"unit_id": 1, "profile": "abb_b23"}),
}


@pytest.mark.parametrize("kind", LINES)
async def test_a_line_answers_as_it_was_recorded(kind: str, tmp_path: Path) -> None:
    model, bus, keys = LINES[kind]
    head = 'truth = "truth.jsonl"\n{record}[[line]]\nname = "cellar"\nlink = "cellar.tty"\nbaud = 38400\n'
    meters = f'[[line.meter]]\nthing = "meter-1"\nmodel = "{model}"\naddress = 1\ndelay = 0.001\n'
    scenarios = {
        "recorded": head.format(record='record = "lines.jsonl"\n') + f'kind = "{kind}"\n{meters}',
        "again": head.format(record="") + f'kind = "{kind}"\nreplay = "lines.jsonl"\n',
    }
    read = {}
    for name, text in scenarios.items():
        (tmp_path / "scenario.toml").write_text(text)
        line = Meters(load(tmp_path / "scenario.toml"))
        await line.start()
        meter = gateway.Meter.model_validate({"thing": "meter-1", "period": 60, **keys})
        port = {"name": "cellar", "kind": kind, "port": line.ports["cellar"], "baud": 38400, "parity": "N"}
        with closing(bus(gateway.LineConfig.model_validate({**port, "meter": [meter]}))) as opened:
            read[name] = [await opened.read(meter), await opened.read(meter)]
        await line.stop()
        await asyncio.sleep(0)
    assert read["again"] == read["recorded"]
    assert read["recorded"][0] != read["recorded"][1]


def test_a_replay_says_nothing_to_what_nobody_asked(tmp_path: Path) -> None:
    file = tmp_path / "lines.jsonl"
    file.write_text('{"line": "a", "request": "01", "answer": "02"}\n{"line": "b", "request": "01", "answer": "03"}\n')
    assert Replay(file, "b").answer(b"\x01") == b"\x03"
    assert Replay(file, "b").answer(b"\x02") == b""
    file.write_text('{"request": "0"}\n')
    with pytest.raises(ValueError, match="line 1: "):
        Replay(file, "b")
