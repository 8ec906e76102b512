"""One connection, without a broker: what comes in reaches the inbox, and nothing is acknowledged by itself."""

import asyncio
from typing import Any

import pytest

from collector.receiving.connection import BrokerError, Connection
from collector.receiving.inbox import Inbox
from firmware import mqtt_broker_side as broker_side
from firmware import mqtt_codec as mqtt


class FakeTransport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.reading = True
        self.closed = False

    def write(self, data: Any) -> None:
        self.writes.append(bytes(data))

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


def connected(inbox: Inbox, keep_alive: int = 20) -> tuple[Connection, FakeTransport]:
    connection, transport = Connection(inbox, b"hello", keep_alive), FakeTransport()
    connection.connection_made(transport)
    return connection, transport


def reading(packet_id: int, payload: bytes = b"{}") -> bytes:
    return mqtt.publish("koper/v1/park-0001/reading", payload, 1, packet_id)


async def test_it_says_hello_and_hears_the_answer() -> None:
    connection, transport = connected(Inbox())
    connection.data_received(broker_side.connack(True, 0) + broker_side.suback(1, [1, 1, 1]))
    assert transport.writes == [b"hello"]
    assert await connection.connack == (True, 0)
    assert await connection.suback == [1, 1, 1]


async def test_messages_before_the_answer_to_subscribe_are_taken() -> None:
    inbox = Inbox()
    connection, _ = connected(inbox)
    connection.data_received(broker_side.connack(True, 0) + reading(7) + broker_side.suback(1, [1]))
    (arrival,) = await inbox.take(0)
    assert [one[:2] for one in arrival.messages] == [("koper/v1/park-0001/reading", b"{}")]
    assert arrival.packet_ids == [7]


async def test_nothing_is_acknowledged_until_it_is_told_to_and_then_in_one_write() -> None:
    connection, transport = connected(Inbox())
    connection.data_received(reading(7) + reading(8) + reading(9))
    assert transport.writes == [b"hello"]
    connection.acknowledge([7, 8, 9])
    assert transport.writes[1:] == [mqtt.puback(7) + mqtt.puback(8) + mqtt.puback(9)]


async def test_a_full_inbox_pauses_the_socket_and_an_empty_one_resumes_it() -> None:
    inbox = Inbox(most=3)
    connection, transport = connected(inbox)
    connection.data_received(reading(1) + reading(2))
    assert transport.reading
    connection.data_received(reading(3))
    assert not transport.reading
    await inbox.take(0)
    assert transport.reading


async def test_a_full_inbox_has_no_room_for_another_connection() -> None:
    inbox = Inbox(most=3)
    connection, _ = connected(inbox)
    connection.data_received(reading(1) + reading(2) + reading(3))
    waiting = asyncio.create_task(inbox.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    await inbox.take(0)
    async with asyncio.timeout(1):
        await waiting


async def test_the_inbox_is_bounded_in_bytes_too() -> None:
    inbox = Inbox(most_bytes=1000)
    connection, transport = connected(inbox)
    connection.data_received(reading(1, b"x" * 1000))
    assert not transport.reading


async def test_what_is_not_mqtt_ends_the_connection() -> None:
    connection, transport = connected(Inbox())
    connection.data_received(b"\x00\x00")
    assert transport.closed
    assert "not MQTT" in await connection.ended
    with pytest.raises(BrokerError, match="not MQTT"):
        await connection.connack


async def test_after_the_end_acknowledging_does_nothing() -> None:
    connection, transport = connected(Inbox())
    connection.connection_lost(None)
    connection.acknowledge([1])
    assert transport.writes == [b"hello"]
    assert not connection.is_open


async def test_a_silent_broker_is_given_up() -> None:
    connection, transport = connected(Inbox(), keep_alive=0)
    assert "no answer" in await connection.stay_alive()
    assert transport.closed


async def test_a_batch_is_taken_at_once_when_it_is_full() -> None:
    inbox = Inbox()
    connection, _ = connected(inbox)
    connection.data_received(b"".join(map(reading, range(1, 11))))
    async with asyncio.timeout(1):
        (arrival,) = await inbox.take(linger=60, batch=10)
    assert arrival.packet_ids == list(range(1, 11))


async def test_a_batch_is_bounded_by_the_pieces_it_came_in() -> None:
    inbox = Inbox()
    connection, _ = connected(inbox)
    for number in range(1, 11):
        connection.data_received(reading(number))
    sizes = [len(await inbox.take(0, batch=4)) for _ in range(3)]
    assert sizes == [4, 4, 2]
    assert len(inbox) == inbox.size == 0
    for number in range(1, 11):
        connection.data_received(reading(number, b"x" * 100))
    assert (len(inbox), inbox.size) == (10, 1000)
    assert len(await inbox.take(0, batch_bytes=250)) == 3
