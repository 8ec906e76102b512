"""Radio meters, all the way: a virtual dongle, the gateway as a process, a real broker, and what arrives."""

import json
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from edge.wmbus.receivers import im871a, iu891a, rtl_wmbus
from hil_tests.instruments.process import Program
from hil_tests.instruments.radio import RadioWaterMeter, VirtualDongle, until
from hil_tests.instruments.receipts import Receipts
from hil_tests.instruments.truth import TruthFile

KEY = bytes(range(16))
ENCODERS = {"im871a": im871a.encode, "iu891a": iu891a.encode, "rtl-wmbus": rtl_wmbus.encode}
LISTED = [
    RadioWaterMeter("wm-0001", "11111111"),
    RadioWaterMeter("wm-0002", "22222222", KEY),
]
STRANGERS = [RadioWaterMeter("stranger", "33333333"), RadioWaterMeter("wrong-key", "44444444", bytes(16))]


@pytest.fixture(params=ENCODERS)
def dongle_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def dongle(dongle_kind: str, tmp_path: Path) -> AsyncIterator[VirtualDongle]:
    truth = TruthFile(tmp_path / "truth.jsonl")
    started = VirtualDongle([*LISTED, *STRANGERS], ENCODERS[dongle_kind], truth)
    await started.start()
    yield started
    await started.stop()
    truth.close()


@pytest.fixture
def gateway(dongle: VirtualDongle, dongle_kind: str, directory: Path, tmp_path: Path) -> Iterator[Program]:
    keys = tmp_path / "keys.toml"
    keys.write_text(f'22222222 = "{KEY.hex()}"\n44444444 = "{KEY.hex()}"\n')
    keys.chmod(0o600)
    certificate = directory / "certificates" / "gw-0001"
    port = next(
        line.split()[1] for line in (directory / "broker/mosquitto.conf").read_text().splitlines() if "listener" in line
    )
    meters = "".join(
        f'[[receiver.meter]]\nthing = "{one.thing}"\nidentification = "{one.identification}"\n'
        for one in (*LISTED, STRANGERS[1])
    )
    (tmp_path / "gateway.toml").write_text(
        f'city = "koper"\npublisher = "gw-0001"\nkeys = "keys.toml"\n'
        f'[broker]\nport = {port}\nca = "{directory}/ca/ca.pem"\n'
        f'certificate = "{certificate}.pem"\nkey = "{certificate}.key"\n'
        f'[[receiver]]\nname = "roof"\nkind = "{dongle_kind}"\nport = "{dongle.port}"\n{meters}'
    )
    program = Program(
        "gw-0001", [sys.executable, "-m", "edge", "--config", tmp_path / "gateway.toml"], tmp_path / "gateway.log"
    )
    yield program
    if program.is_running:
        program.kill()


async def test_every_telegram_of_our_meters_arrives_once_and_no_key_is_shown(
    dongle: VirtualDongle, gateway: Program, directory: Path, running_broker: Program, tmp_path: Path
) -> None:
    assert running_broker.is_running
    async with Receipts(directory) as collector:
        gateway.start()
        await until(lambda: dongle.listeners == 1)
        for number in range(5):
            await dongle.send_round(repeated=number % 2 == 0)
        await collector.until(lambda: len(collector.readings()) >= 10, "ten readings")
        readings = collector.readings()
    truths = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text().splitlines()]
    for meter in LISTED:
        given = [one["values"] for one in truths if one["thing"] == meter.thing]
        arrived = [
            {key: value for key, value in one["values"].items() if key != "signal_strength"}
            for one in readings
            if one["thing"] == meter.thing
        ]
        assert arrived == given
    assert {one["thing"] for one in readings} == {"wm-0001", "wm-0002"}
    assert KEY.hex() not in gateway.log.read_text()
