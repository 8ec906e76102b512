"""A valve closes because one person asked and another approved, over HTTP, a real broker and a real gateway."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import copy

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from hil_tests.instruments.process import Program, answers, free_ports, wait_until
from hil_tests.instruments.valve import Valve
from hil_tests.judging.door import Door, opened
from provisioning.__main__ import main as provision
from provisioning.broker import Kind


@pytest.fixture
def city(kind: Kind, tmp_path: Path) -> Iterator[Path]:
    """A collector that may sign for the environment, with the key that provisioning has made."""
    mqtt, http = free_ports(2)
    directory = tmp_path / "city"
    ports = ["--mqtt-port", str(mqtt), "--http-port", str(http), "--broker", kind]
    assert provision(["quickstart", str(directory), *ports]) == 0
    valve = ["--thing", "valve-1", "--center", "environment", "--openness", "restricted"]
    assert provision(["issue", str(directory), "gw-0001", "--role", "gateway", *valve]) == 0
    assert provision(["issue", str(directory), "environment", "--role", "center"]) == 0
    (directory / "keys").mkdir()
    copy(directory / "certificates" / "environment.key", directory / "keys")
    with (directory / "collector.toml").open("a") as config:
        config.write('\n[access]\nkeys = "keys"\n')
    command: list[str | Path] = [sys.executable, "-m", "collector", "--config", directory / "collector.toml"]
    collector = Program("collector", command, tmp_path / "collector.log")
    collector.start()
    try:
        wait_until(lambda: answers(http), f"the collector serves: {collector.log}", 120)
        yield directory
    finally:
        collector.stop()


@pytest.fixture
def gateway(city: Path, valve: Valve, tmp_path: Path) -> Iterator[Program]:
    key = load_pem_private_key((city / "keys" / "environment.key").read_bytes(), None)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "environment.pem").write_bytes(public)
    certificates = city / "certificates"
    (tmp_path / "gateway.toml").write_text(
        f'city = "koper"\npublisher = "gw-0001"\nclock = "host"\n'
        f'[broker]\nhost = "127.0.0.1"\nport = {port(city, "broker")}\nserver_name = "localhost"\n'
        f'ca = "{city}/ca/ca.pem"\ncertificate = "{certificates}/gw-0001.pem"\nkey = "{certificates}/gw-0001.key"\n'
        f'[center.environment]\nkey = "environment.pem"\n'
        f'[[line]]\nname = "main"\nkind = "modbus-tcp"\nport = "tcp:127.0.0.1:{valve.port}"\n'
        f'[[line.meter]]\nthing = "valve-1"\nunit_id = 1\nperiod = 3600\nprofile = "generic_valve"\n'
    )
    command: list[str | Path] = [sys.executable, "-m", "edge", "--config", tmp_path / "gateway.toml"]
    program = Program("gw-0001", command, tmp_path / "gateway.log")
    program.start()
    yield program
    program.stop()


def port(city: Path, section: str) -> int:
    lines = (city / "collector.toml").read_text().partition(f"[{section}]")[2].splitlines()
    return int(next(line.split("=")[1] for line in lines if line.startswith("port")))


def person(city: Path, name: str) -> Door:
    return opened(f"http://127.0.0.1:{port(city, 'http')}", city / "collector.toml", name, "environment:operator")


async def test_a_valve_closes_once_two_people_want_it(city: Path, gateway: Program, valve: Valve) -> None:
    ana, bor = person(city, "ana"), person(city, "bor")
    wanted = {"thing": "valve-1", "name": "close", "reason": "burst in Semedela", "valid_for": 60}

    def ask() -> str:
        asked = ana.post("/api/commands", wanted)
        assert asked.status_code == 201, asked.text
        identifier: str = asked.json()["id"]
        assert ana.post(f"/api/commands/{identifier}/approval").status_code == 403
        return identifier

    identifier = await asyncio.to_thread(ask)
    await asyncio.sleep(1)
    assert valve.writes == []
    approved = await asyncio.to_thread(bor.post, f"/api/commands/{identifier}/approval")
    assert approved.json()["status"] == "sent", approved.text

    def status() -> str:
        found: str = ana.get(f"/api/commands/{identifier}").json()["status"]
        return found

    async with asyncio.timeout(60):
        while await asyncio.to_thread(status) != "done":
            assert gateway.is_running
            await asyncio.sleep(0.2)
    assert valve.writes == [0]
    shown = (await asyncio.to_thread(bor.get, f"/api/commands/{identifier}")).json()
    assert (shown["asked_by"], shown["approved_by"]) == ("ana", "bor")
    assert shown["results"][-1]["values"] == {"valve_position": 0}
