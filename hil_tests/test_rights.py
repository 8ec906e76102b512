"""What a certificate may do, tried on both brokers with a foreign client."""

import ssl
import time
from contextlib import suppress
from pathlib import Path

import pytest

from hil_tests.instruments.client import Client, connected
from hil_tests.instruments.process import Program, wait_until
from provisioning.__main__ import main as provision

pytestmark = pytest.mark.usefixtures("running_broker")

FORGED = [
    "koper/v1/park-0001/reading",
    "koper/v1/park-0001/state",
    "koper/v1/park-0001/result",
    "koper/v1/park-0001/receipt",
    "koper/v1/park-0001/command",
    "koper/v1/park-0001/config",
    "koper/v1/collector/state",
    "other/v1/park-0002/reading",
]


def test_a_node_publishes_its_own_readings_and_nothing_of_others(directory: Path) -> None:
    with connected(directory, "collector", "park-0001", "park-0002") as (collector, victim, thief):
        for channel in ("reading", "state", "result"):
            assert collector.subscribe(f"koper/v1/+/{channel}") < 0x80
        for channel in ("receipt", "command", "config"):
            assert victim.subscribe(f"koper/v1/park-0001/{channel}") < 0x80
        assert victim.subscribe("koper/v1/collector/state") < 0x80
        thief.publish("koper/v1/park-0002/reading", b"mine")
        for topic in FORGED:
            forge(directory, "park-0002", topic)
        victim.publish("koper/v1/park-0001/reading", b"real")  # what was forged is on its way before it, if at all
        collector.publish("koper/v1/park-0001/receipt", b"real")
        assert heard(collector, 2) == [
            ("koper/v1/park-0002/reading", b"mine"),
            ("koper/v1/park-0001/reading", b"real"),
        ]
        assert heard(victim, 1) == [("koper/v1/park-0001/receipt", b"real")]


def test_a_node_can_not_write_its_own_receipts(directory: Path) -> None:
    with connected(directory, "park-0002") as (node,):
        for channel in ("receipt", "command", "config"):
            assert node.subscribe(f"koper/v1/park-0002/{channel}") < 0x80
        for channel in ("receipt", "command", "config"):
            with suppress(RuntimeError):  # mosquitto hangs up on the first
                node.publish(f"koper/v1/park-0002/{channel}", b"forged")
        assert node.everything(1) == []


def test_a_node_hears_nothing_of_others(directory: Path) -> None:
    with connected(directory, "collector", "park-0001", "park-0002") as (collector, _victim, thief):
        assert thief.subscribe("koper/v1/park-0002/receipt") < 0x80
        for topic_filter in ("koper/v1/park-0001/receipt", "koper/v1/park-0001/command", "koper/v1/+/reading", "#"):
            thief.subscribe(topic_filter)  # nats refuses with 0x80, mosquitto grants and delivers nothing
        collector.publish("koper/v1/park-0001/receipt", b"secret")
        collector.publish("koper/v1/park-0001/command", b"secret")
        collector.publish("koper/v1/park-0002/receipt", b"own")
        assert set(heard(thief, 1)) == {("koper/v1/park-0002/receipt", b"own")}


def test_a_reader_hears_readings_and_publishes_nothing(directory: Path) -> None:
    with connected(directory, "collector", "park-0001") as (collector, node):
        assert collector.subscribe("koper/v1/+/reading") < 0x80
        for topic in ("koper/v1/park-0001/reading", "koper/v1/reader/reading"):
            forge(directory, "reader", topic)
        with connected(directory, "reader") as (reader,):
            assert reader.subscribe("koper/v1/+/reading") < 0x80
            node.publish("koper/v1/park-0001/reading", b"real")
            assert heard(reader, 1) == [("koper/v1/park-0001/reading", b"real")]
        assert heard(collector, 1) == [("koper/v1/park-0001/reading", b"real")]


def test_a_further_collector_may_do_what_the_first_may_and_measures_nothing(directory: Path) -> None:
    assert provision(["issue", str(directory), "collector-2", "--role", "collector"]) == 0
    with connected(directory, "collector", "collector-2", "park-0001") as (first, second, node):
        assert first.subscribe("koper/v1/+/reading") < 0x80
        for channel in ("reading", "state", "result"):
            assert second.subscribe(f"koper/v1/+/{channel}") < 0x80
        for topic in ("koper/v1/park-0001/receipt", "koper/v1/collector/state"):
            assert node.subscribe(topic) < 0x80
        node.publish("koper/v1/park-0001/reading", b"real")
        assert heard(second, 1) == [("koper/v1/park-0001/reading", b"real")]
        second.publish("koper/v1/park-0001/receipt", b"second")
        second.publish("koper/v1/collector/state", b"here")
        told = {("koper/v1/park-0001/receipt", b"second"), ("koper/v1/collector/state", b"here")}
        assert set(heard(node, 2)) == told
        assert heard(first, 1) == [("koper/v1/park-0001/reading", b"real")]
    with connected(directory, "collector", "park-0001") as (first, node):
        assert first.subscribe("koper/v1/+/reading") < 0x80
        for topic in ("koper/v1/park-0001/reading", "koper/v1/collector-2/reading"):
            forge(directory, "collector-2", topic)
        node.publish("koper/v1/park-0001/reading", b"later")
        assert heard(first, 1) == [("koper/v1/park-0001/reading", b"later")]


def test_a_revoked_node_is_silenced_while_it_is_connected_and_not_let_in_again(
    directory: Path, running_broker: Program
) -> None:
    with connected(directory, "collector", "park-0001", "park-0002") as (collector, other, revoked):
        assert collector.subscribe("koper/v1/+/reading") < 0x80
        assert _is_heard(collector, revoked, other)
        assert provision(["revoke", str(directory), "park-0002"]) == 0
        wait_until(lambda: not _is_heard(collector, revoked, other), "the live session is silenced", seconds=60)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        _connect(directory, "park-0002")
    assert running_broker.is_running


def heard(client: Client, count: int) -> list[tuple[str, bytes]]:
    """So many messages, however long they take, and what comes beside them."""
    return [client.received.get(timeout=60) for _ in range(count)] + client.everything(1)


def _is_heard(collector: Client, node: Client, other: Client) -> bool:
    """Whether it comes before what another node says after it."""
    with suppress(RuntimeError, ValueError):
        node.publish("koper/v1/park-0002/reading", b"still here")
    later = str(time.monotonic_ns()).encode()
    other.publish("koper/v1/park-0001/reading", later)
    return any(topic == "koper/v1/park-0002/reading" for topic, _ in collector.until(later))


def forge(directory: Path, name: str, topic: str) -> None:
    """Publish in a connection of its own: mosquitto 2.0 hangs up on a denied QoS 1 publish, nats acknowledges it."""
    with connected(directory, name) as (client,):
        client.publish(topic, b"forged")


def _connect(directory: Path, name: str) -> None:
    with connected(directory, name):
        pass


def test_a_certificate_of_a_foreign_authority_is_refused(directory: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    port = next(line for line in (directory / "broker/mosquitto.conf").read_text().splitlines() if "listener" in line)
    assert provision(["quickstart", str(foreign), "--mqtt-port", port.split()[1]]) == 0
    (foreign / "ca/ca.pem").write_bytes((directory / "ca/ca.pem").read_bytes())  # it trusts our broker, not we it
    with pytest.raises((ssl.SSLError, ConnectionError)):
        _connect(foreign, "park-0001")
