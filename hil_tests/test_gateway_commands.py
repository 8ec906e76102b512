"""A command to a real gateway over a real broker: it moves the valve once, whenever the gateway is killed."""

import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from collector.signature import Signer
from firmware.chain import verify
from hil_tests.instruments.process import Program
from hil_tests.instruments.receipts import Receipts
from hil_tests.instruments.valve import Valve
from provisioning.broker import port_of


@pytest.fixture
def center(tmp_path: Path) -> Signer:
    """The environment's center; the gateway knows its public key."""
    key = ec.generate_private_key(ec.SECP256R1())
    private = tmp_path / "environment.key"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "environment.pem").write_bytes(public)
    return Signer(private)


@pytest.fixture
def gateway(valve: Valve, center: Signer, directory: Path, tmp_path: Path) -> Iterator[Program]:
    assert center  # its public key lies beside the configuration
    certificates = directory / "certificates"
    (tmp_path / "gateway.toml").write_text(
        f'city = "koper"\npublisher = "gw-0001"\nclock = "host"\n'
        f'[broker]\nport = {port_of(directory)}\nca = "{directory}/ca/ca.pem"\n'
        f'certificate = "{certificates}/gw-0001.pem"\nkey = "{certificates}/gw-0001.key"\n'
        f'[center.environment]\nkey = "environment.pem"\n'
        f'[[line]]\nname = "main"\nkind = "modbus-tcp"\nport = "tcp:127.0.0.1:{valve.port}"\n'
        f'[[line.meter]]\nthing = "valve-1"\nunit_id = 1\nperiod = 3600\nprofile = "generic_valve"\n'
    )
    command: list[str | Path] = [sys.executable, "-m", "edge", "--config", tmp_path / "gateway.toml"]
    program = Program("gw-0001", command, tmp_path / "gateway.log")
    yield program
    if program.is_running:
        program.kill()


def close_valve(center: Signer) -> dict[str, Any]:
    expires = time.time_ns() // 10**6 + 60_000
    return center.signed(
        {"id": "c-1", "thing": "valve-1", "name": "close", "arguments": {}, "expires": expires, "by": "environment"}
    )


async def connected(collector: Receipts, starts: int) -> None:
    await collector.until(
        lambda: sum(state["online"] and "outbox_depth" in state for state in collector.states) >= starts, "the gateway"
    )


async def test_a_valve_is_closed_and_the_answer_is_the_city_s(
    gateway: Program, collector: Receipts, valve: Valve, center: Signer
) -> None:
    gateway.start()
    await connected(collector, 1)
    collector.command("gw-0001", close_valve(center))
    await collector.until(lambda: bool(collector.results), "the result")
    assert collector.results[0]["status"] == "done", collector.results
    assert collector.results[0]["values"] == {"valve_position": 0}
    assert valve.writes == [0]


async def test_killed_between_write_and_answer_it_answers_and_does_not_write_again(
    gateway: Program, collector: Receipts, valve: Valve, center: Signer, tmp_path: Path
) -> None:
    gateway.start()
    await connected(collector, 1)
    valve.before_answer = gateway.kill
    command = close_valve(center)
    collector.command("gw-0001", command)
    await collector.until(lambda: not gateway.is_running, "killed")
    valve.before_answer = lambda: None
    gateway.start()
    await collector.until(lambda: bool(collector.results), "the answer after the restart")
    collector.command("gw-0001", command)  # the city repeats it until it knows
    await collector.until(lambda: len(collector.results) >= 2, "the answer to the repetition")
    await asyncio.to_thread(gateway.stop)
    assert {result["status"] for result in collector.results} == {"done"}
    assert valve.writes == [0]
    lines = (tmp_path / "audit.jsonl").read_bytes().splitlines(keepends=True)
    count, _ = verify(lines)
    assert count >= 5
    assert b'"step":"found unanswered"' in b"".join(lines)
