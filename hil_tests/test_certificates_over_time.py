"""What becomes of certificates on both brokers: those of a van, new keys for a name, and a van that was stolen."""

import shutil
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hil_tests.instruments import node
from hil_tests.instruments.client import Client, connected
from hil_tests.instruments.process import BenchError, Program, find, wait_until
from provisioning.__main__ import main as provision
from provisioning.broker import Kind, port_of


@pytest.fixture
def van(directory: Path, running_broker: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A van of the running city, which issued park-0007 and is not known there yet."""
    assert running_broker.is_running
    monkeypatch.setenv("SENZORIKA_PASSPHRASE", "four words nobody guesses")
    made = tmp_path / "van-1"
    assert provision(["authority", "van", str(directory), "van-1", "--to", str(made)]) == 0
    assert provision(["broker", str(made), "--mqtt-port", str(port_of(directory))]) == 0
    assert provision(["issue", str(made), "park-0007", "--role", "node", "--thing", "spot-0001"]) == 0
    return made


def take_home(van: Path, directory: Path) -> None:
    assert provision(["authority", "take", str(directory), str(van)]) == 0
    carry_key(van, directory)


def carry_key(van: Path, directory: Path) -> None:
    """To where the client looks; and without the chain, as a node shows it: MicroPython sends one certificate."""
    shutil.copy(van / "certificates/park-0007.key", directory / "certificates")
    alone = x509.load_der_x509_certificate((van / "certificates/park-0007.der").read_bytes())
    (directory / "certificates/park-0007.pem").write_bytes(alone.public_bytes(Encoding.PEM))


def is_let_in(directory: Path, name: str) -> bool:
    try:
        with connected(directory, name):
            return True
    except (ssl.SSLError, ConnectionError):
        return False


def is_heard(collector: Client, node: Client, other: Client) -> bool:
    """The other one may speak, and does so after it: once the other is heard, the node would have been."""
    try:
        node.publish("koper/v1/park-0007/reading", b"here")
    except (RuntimeError, ValueError):
        return False
    other.publish("koper/v1/park-0002/reading", b"after it")
    return ("koper/v1/park-0007/reading", b"here") in collector.until(b"after it")


def test_what_a_van_issued_is_let_in_once_the_city_took_it_over(directory: Path, van: Path) -> None:
    carry_key(van, directory)
    # mosquitto lets in whom a van certified, and gives no rights to a name that it does not know
    assert not is_let_in(directory, "park-0007") or not heard_alone(directory)
    take_home(van, directory)
    wait_until_heard(directory)


def wait_until_heard(directory: Path) -> None:
    """To be let in is not enough: mosquitto does so before it has read its rights again."""
    wait_until(lambda: is_let_in(directory, "park-0007") and heard_alone(directory), "the broker read its rights again")


def heard_alone(directory: Path) -> bool:
    with connected(directory, "collector", "park-0007", "park-0002") as (collector, node, other):
        assert collector.subscribe("koper/v1/+/reading") < 0x80
        return is_heard(collector, node, other)


def test_a_stolen_van_is_silenced_with_all_it_issued(directory: Path, van: Path) -> None:
    take_home(van, directory)
    wait_until_heard(directory)
    with connected(directory, "collector", "park-0007", "park-0002") as (collector, node, other):
        assert collector.subscribe("koper/v1/+/reading") < 0x80
        assert is_heard(collector, node, other)
        assert provision(["revoke", str(directory), "van-1"]) == 0
        # the broker is told so by a signal, and takes it when it runs
        wait_until(lambda: not is_heard(collector, node, other), "the live session is silenced", seconds=60)
    assert not is_let_in(directory, "park-0007")
    # also when it brings the chain, which leads to the root
    shutil.copy(van / "certificates/park-0007.pem", directory / "certificates")
    assert not is_let_in(directory, "park-0007")
    assert is_let_in(directory, "park-0001")


def test_a_new_key_is_let_in_and_the_old_one_is_refused_by_mosquitto_alone(
    directory: Path, kind: Kind, running_broker: Program, tmp_path: Path
) -> None:
    assert running_broker.is_running
    old = tmp_path / "old"
    for folder in ("certificates", "broker", "ca"):
        shutil.copytree(directory / folder, old / folder)
    assert provision(["authority", "rotate", str(directory), "park-0002"]) == 0
    wait_until(lambda: is_let_in(directory, "park-0002"), "the new key is let in")
    if kind == "mosquitto":
        wait_until(lambda: not is_let_in(old, "park-0002"), "the old key is refused")
    else:  # nats-server knows names only: see the README
        assert is_let_in(old, "park-0002")


def test_a_renewed_certificate_is_let_in_with_its_key(directory: Path, running_broker: Program) -> None:
    assert running_broker.is_running
    assert provision(["authority", "renew", str(directory), "park-0002"]) == 0
    assert is_let_in(directory, "park-0002")


def test_a_node_that_a_van_certified_speaks_to_the_citys_broker(directory: Path, van: Path, tmp_path: Path) -> None:
    try:
        find("micropython")
    except BenchError as missing:
        pytest.skip(str(missing))
    take_home(van, directory)
    wait_until_heard(directory)
    config = {
        "city": "koper",
        "publisher": "park-0007",
        "thing": "spot-0001",
        "kind": "parking",
        "period_ms": 200,
        "broker": {"host": "127.0.0.1", "port": port_of(directory), "server_name": "localhost"},
        "hal": {"sensor": "127.0.0.1:1"},
    }
    built = node.build(tmp_path / "node", config, van / "certificates", van / "ca" / "ca.der")
    program = Program("park-0007", built.command, tmp_path / "node.log", environment=built.environment)
    with connected(directory, "collector") as (collector,):
        assert collector.subscribe("koper/v1/+/state") < 0x80
        program.start()
        try:
            while collector.received.get(timeout=120)[0] != "koper/v1/park-0007/state":
                assert program.is_running, program.last_lines()
        finally:
            program.kill()
