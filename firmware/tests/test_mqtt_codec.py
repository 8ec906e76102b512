"""MQTT 3.1.1 packets as literal bytes, both ways; what is not MQTT is refused."""

from firmware import mqtt_broker_side as broker_side
from firmware import mqtt_codec as mqtt

# bytes on the wire -> the packet (OASIS MQTT 3.1.1, chapter 3)
LITERALS = (
    ("101000044d5154540402003c0004706b2d31", (mqtt.CONNECT, "pk-1", 60, True, None, None, None)),
    (
        "101a00044d51545404ee000a0001630001770002676f000175000170",
        (mqtt.CONNECT, "c", 10, True, ("w", b"go", 1, True), "u", b"p"),
    ),
    ("20020000", (mqtt.CONNACK, False, 0)),
    ("20020105", (mqtt.CONNACK, True, 5)),
    ("3005000161 6869", (mqtt.PUBLISH, "a", b"hi", 0, 0, False, False)),
    ("3b07000161000a 6869", (mqtt.PUBLISH, "a", b"hi", 1, 10, True, True)),
    ("40020007", (mqtt.PUBACK, 7)),
    ("82060001000161 01", (mqtt.SUBSCRIBE, 1, [("a", 1)])),
    ("900400010180", (mqtt.SUBACK, 1, [1, 0x80])),
    ("a2050002000161", (mqtt.UNSUBSCRIBE, 2, ["a"])),
    ("b0020002", (mqtt.UNSUBACK, 2)),
    ("c000", (mqtt.PINGREQ,)),
    ("d000", (mqtt.PINGRESP,)),
    ("e000", (mqtt.DISCONNECT,)),
)


def octets(text: str) -> bytes:
    return bytes.fromhex(text.replace(" ", ""))


def written(packet: tuple) -> bytes:
    kind, rest = packet[0], packet[1:]
    if kind == mqtt.PUBLISH:
        topic, payload, qos, packet_id, retain, dup = rest
        return mqtt.publish(topic, payload, qos, packet_id, retain, dup)
    writers = {
        mqtt.CONNECT: mqtt.connect,
        mqtt.CONNACK: broker_side.connack,
        mqtt.PUBACK: mqtt.puback,
        mqtt.SUBSCRIBE: mqtt.subscribe,
        mqtt.SUBACK: broker_side.suback,
        mqtt.UNSUBSCRIBE: broker_side.unsubscribe,
        mqtt.UNSUBACK: broker_side.unsuback,
        mqtt.PINGREQ: mqtt.pingreq,
        mqtt.PINGRESP: broker_side.pingresp,
        mqtt.DISCONNECT: mqtt.disconnect,
    }
    return writers[kind](*rest)


def refusal(text: str, limit: int = 1000) -> str:
    try:
        mqtt.Decoder(limit).feed(octets(text))
    except mqtt.PacketError as error:
        return str(error)
    raise AssertionError("not refused: " + text)


def test_literal_bytes_are_read_as_packets():
    for text, packet in LITERALS:
        assert mqtt.Decoder().feed(octets(text)) == [packet], text


def test_packets_are_written_as_literal_bytes():
    for text, packet in LITERALS:
        assert written(packet) == octets(text), text


def test_a_stream_is_cut_into_packets_wherever_it_is_torn():
    sound = [(octets(text), packet) for text, packet in LITERALS]
    stream = b"".join([text for text, _ in sound])
    for step in (1, 2, 3, 7, len(stream)):
        decoder, packets = mqtt.Decoder(), []
        for start in range(0, len(stream), step):
            packets += decoder.feed(stream[start : start + step])
        assert packets == [packet for _, packet in sound], step


def test_lengths_take_one_or_two_bytes():
    for size in (0, 120, 121, 125, 126, 4000):
        packet = mqtt.publish("a", b"x" * size, 1, 1)
        assert mqtt.Decoder(1 << 16).feed(packet)[0][2] == b"x" * size


def test_what_is_not_mqtt_is_refused():
    assert refusal("0000").startswith("packet type 0")
    assert refusal("f000").startswith("packet type 15")
    assert refusal("3405000161000a") == "PUBLISH: QoS 2 is not spoken"
    assert refusal("320500016100 00") == "PUBLISH: packet identifier 0"
    assert refusal("3003000561") == "PUBLISH: truncated"
    assert refusal("300400 02c328") == "string: not UTF-8"
    assert refusal("c00100").startswith("packet type 12: expected no body")
    assert refusal("20020200") == "CONNACK: malformed"
    assert refusal("30ffffffff01") == "remaining length: over four bytes"
    assert refusal("82020001").endswith("no topic filter")
    assert refusal("100c00044d5154540500003c0000") == "CONNECT: not MQTT 3.1.1"


def test_a_packet_over_the_limit_is_refused_before_it_is_whole():
    assert refusal("30e807", 999) == "packet of 1000 bytes, at most 999 are taken"


def test_a_packet_that_can_not_be_written_is_refused():
    for packet_id in (0, 65536):
        said = ""
        try:
            mqtt.publish("a", b"", 1, packet_id)
        except mqtt.PacketError as error:
            said = str(error)
        assert said == "packet identifier: expected 1 to 65535"


def test_a_packet_that_is_too_large_is_passed_over_where_that_is_wanted():
    stream = mqtt.publish("a", b"1") + mqtt.publish("b", bytes(5000)) + mqtt.publish("c", b"3")
    for step in (1, 7, 512, 100000):
        decoder, packets = mqtt.Decoder(4096, skips=True), []
        for start in range(0, len(stream), step):
            packets += decoder.feed(stream[start : start + step])
        assert [packet[1] for packet in packets] == ["a", "c"], step
        assert decoder.skipped == 1
    refused = ""
    try:
        mqtt.Decoder(4096).feed(stream)
    except mqtt.PacketError as error:
        refused = str(error)
    assert refused == "packet of 5003 bytes, at most 4096 are taken"
