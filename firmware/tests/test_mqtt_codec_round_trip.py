"""Whatever is written is read back, wherever the stream is torn; random bytes never do worse than PacketError."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as some

from firmware import mqtt_broker_side as broker_side
from firmware import mqtt_codec as mqtt

ids = some.integers(1, 65535)
names = some.text(max_size=40)
octets = some.binary(max_size=300)


def torn(stream: bytes, places: list[int]) -> list[tuple]:
    decoder, packets, start = mqtt.Decoder(), [], 0
    for place in [*sorted({place % (len(stream) + 1) for place in places}), len(stream)]:
        packets += decoder.feed(stream[start:place])
        start = place
    return packets


cuts = some.lists(some.integers(0, 10_000), max_size=5)


@given(names, octets, ids, some.booleans(), some.booleans(), cuts)
def test_publish(topic: str, payload: bytes, packet_id: int, retain: bool, dup: bool, places: list[int]) -> None:
    stream = mqtt.publish(topic, payload, 1, packet_id, retain, dup) + mqtt.publish(topic, payload, 0)
    first = (mqtt.PUBLISH, topic, payload, 1, packet_id, retain, dup)
    assert torn(stream, places) == [first, (mqtt.PUBLISH, topic, payload, 0, 0, False, False)]


@given(
    names,
    some.integers(0, 65535),
    some.booleans(),
    some.none() | some.tuples(names, octets, some.integers(0, 2), some.booleans()),
    some.none() | names,
    cuts,
)
def test_connect(
    name: str, keep_alive: int, clean: bool, will: tuple | None, user: str | None, places: list[int]
) -> None:
    password = None if user is None else user.encode()
    stream = mqtt.connect(name, keep_alive, clean, will, user, password)
    assert torn(stream, places) == [(mqtt.CONNECT, name, keep_alive, clean, will, user, password)]


@given(ids, some.lists(some.tuples(names, some.integers(0, 2)), min_size=1, max_size=5), cuts)
def test_subscribe_and_its_answers(packet_id: int, filters: list[tuple[str, int]], places: list[int]) -> None:
    topics, codes = [name for name, _ in filters], [qos for _, qos in filters]
    stream = (
        mqtt.subscribe(packet_id, filters)
        + broker_side.suback(packet_id, codes)
        + broker_side.unsubscribe(packet_id, topics)
        + broker_side.unsuback(packet_id)
        + mqtt.puback(packet_id)
    )
    assert torn(stream, places) == [
        (mqtt.SUBSCRIBE, packet_id, filters),
        (mqtt.SUBACK, packet_id, codes),
        (mqtt.UNSUBSCRIBE, packet_id, topics),
        (mqtt.UNSUBACK, packet_id),
        (mqtt.PUBACK, packet_id),
    ]


@given(some.binary(max_size=200))
def test_random_bytes_are_packets_or_refused(noise: bytes) -> None:
    try:
        packets = mqtt.Decoder().feed(noise)
    except mqtt.PacketError:
        return
    assert all(type(packet) is tuple for packet in packets)


def test_a_flipped_bit_in_the_length_is_never_a_crash() -> None:
    stream = bytearray(mqtt.publish("koper/v1/park-0001/reading", b"{}" * 60, 1, 9))
    for position in range(len(stream) * 8):
        flipped = bytearray(stream)
        flipped[position // 8] ^= 1 << position % 8
        with suppress(mqtt.PacketError):
            mqtt.Decoder().feed(bytes(flipped))
    with pytest.raises(mqtt.PacketError):
        mqtt.Decoder().feed(b"\x00\x00")


@pytest.mark.parametrize("size", [16_370, 16_380, 20_000, 2_097_150, 2_100_000])
def test_lengths_take_three_or_four_bytes(size: int) -> None:
    assert mqtt.Decoder(1 << 22).feed(mqtt.publish("a", bytes(size), 1, 1))[0][2] == bytes(size)
