"""What does a node do when its broker misbehaves? It says so, keeps what it has, and tries again."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firmware import contract
from firmware import mqtt_broker_side as broker_side
from firmware import mqtt_codec as mqtt
from hil_tests.instruments import node
from hil_tests.instruments.misbehaving_broker import Behaviour, MisbehavingBroker, Packet, polite
from hil_tests.instruments.process import BenchError, Program, find, wait_until

try:
    find("micropython")
except BenchError as missing:
    pytest.skip(str(missing), allow_module_level=True)


def answering(kind: int, answer: bytes | None) -> Behaviour:
    """Polite, but for one kind of packet."""
    return lambda packet: answer if packet[0] == kind else polite(packet)


async def run_against(
    behaviour: Behaviour, directory: Path, until: Callable[[list[Packet], str], bool], seconds: float = 120
) -> tuple[list[Packet], str]:
    """Run a node whose sensor is silent against the broker; return the packets and the log when ``until`` holds."""
    async with MisbehavingBroker(directory, behaviour) as broker:
        config: dict[str, Any] = {
            "city": "koper",
            "publisher": "park-0001",
            "thing": "spot-0001",
            "kind": "parking",
            "period_ms": 500,
            "broker": {"host": "127.0.0.1", "port": broker.port, "server_name": "localhost"},
            "hal": {"sensor": "127.0.0.1:1"},
        }
        built = node.build(directory / "node", config, directory / "certificates", directory / "ca" / "ca.der")
        program = Program("park-0001", built.command, directory / "node.log", environment=built.environment)
        program.start()
        try:
            await asyncio.to_thread(
                wait_until, lambda: until(broker.packets, program.last_lines()), "the broker's answer", seconds
            )
        finally:
            program.kill()
        return broker.packets, program.last_lines()


@pytest.mark.parametrize(
    ("kind", "answer", "line"),
    [
        (mqtt.CONNECT, broker_side.connack(session_present=False, code=5), "link: refused: not authorized"),
        (mqtt.CONNECT, broker_side.connack(session_present=False, code=3), "link: refused: server unavailable"),
        (mqtt.CONNECT, broker_side.connack(session_present=False, code=77), "link: refused: code 77"),
        (mqtt.CONNECT, broker_side.pingresp(), "link: expected CONNACK"),
        (mqtt.CONNECT, b"HTTP/1.1 400 Bad Request\r\n\r\n".ljust(100), "link: packet type 4"),
        (mqtt.CONNECT, None, "link: closed before CONNACK"),
        (mqtt.SUBSCRIBE, broker_side.suback(1, [0, 0x80]), "link: subscription refused: koper/v1/collector/state"),
        (mqtt.SUBSCRIBE, broker_side.suback(1, [0x80, 0]), "link: subscription refused: koper/v1/park-0001/receipt"),
        (mqtt.SUBSCRIBE, None, "link: closed by the broker"),
        (mqtt.PUBLISH, b"\xf0\x00", "link: read: packet type 15"),
    ],
)
async def test_a_misbehaving_broker_is_named_and_tried_again(
    kind: int, answer: bytes | None, line: str, directory: Path
) -> None:
    def tried_again(packets: list[Packet], log: str) -> bool:
        return line in log and len([packet for packet in packets if packet[0] == mqtt.CONNECT]) > 1

    await run_against(answering(kind, answer), directory, tried_again)


async def test_a_session_that_the_broker_kept_is_no_obstacle(directory: Path) -> None:
    kept = broker_side.connack(session_present=True, code=0) + mqtt.publish("koper/v1/collector/state", b"{}", 1, 7)
    packets, log = await run_against(
        answering(mqtt.CONNECT, kept), directory, lambda packets, _: any(one[0] == mqtt.PUBLISH for one in packets)
    )
    assert (mqtt.PUBACK, 7) in packets, "a message before SUBACK was not acknowledged"
    assert "publisher: koper/v1/collector/state: at: expected" in log


async def test_a_node_introduces_itself_with_a_clean_session_and_a_will(directory: Path) -> None:
    packets, _ = await run_against(polite, directory, lambda packets, _: any(one[0] == mqtt.PUBLISH for one in packets))
    _, client_id, keep_alive, clean_session, will, username, password = packets[0]
    assert (client_id, keep_alive, clean_session, username, password) == ("park-0001", 30, True, None, None)
    topic, payload, qos, retain = will
    assert (topic, qos, retain) == ("koper/v1/park-0001/state", 1, True)
    assert contract.decode_state(payload)["online"] is False
    assert packets[1][2] == [("koper/v1/park-0001/receipt", 0), ("koper/v1/collector/state", 0)]
    state = contract.decode_state(packets[2][2])
    assert (packets[2][1], packets[2][5]) == ("koper/v1/park-0001/state", True)
    assert state["online"] is True


@pytest.mark.slow
async def test_a_broker_that_stops_answering_is_taken_for_dead(directory: Path) -> None:
    await run_against(answering(mqtt.PUBLISH, b""), directory, lambda _, log: "no PUBACK for 15 s" in log)


@pytest.mark.slow
async def test_an_idle_connection_is_kept_alive(directory: Path) -> None:
    await run_against(polite, directory, lambda packets, _: any(one[0] == mqtt.PINGREQ for one in packets))
