"""Each radio receiver, fed with bytes in any pieces and with garbage between them."""

import random

import pytest

from edge.wmbus import frame, receivers
from edge.wmbus.frame import SND_NR, Frame
from edge.wmbus.receivers import Received, amb8465, cul, im871a, iu891a, rtl_wmbus

PLAIN = bytes.fromhex(
    "1844ae4c4455223368077a55000000041389e20100023b0000"
)  # m-bus-parser (MIT), see frames/wmbus.jsonl
OTHER = frame.encode(Frame(SND_NR, frame.address("KAM", "76348799", 0x1B, 0x16), bytes.fromhex("8d2091c0dba5ff")))

# By receiver: what it writes for a frame, and what is heard of it.
WRITTEN = {
    "im871a": (im871a.encode(PLAIN), im871a.encode(OTHER), Received(PLAIN), Received(OTHER)),
    "iu891a": (iu891a.encode(PLAIN, -25), iu891a.encode(OTHER, -91), Received(PLAIN, -25), Received(OTHER, -91)),
    "amb8465": (amb8465.encode(PLAIN), amb8465.encode(OTHER), Received(PLAIN), Received(OTHER)),
    "cul": (cul.encode(PLAIN), cul.encode(OTHER), Received(PLAIN), Received(OTHER)),
    "rtl-wmbus": (rtl_wmbus.encode(PLAIN), rtl_wmbus.encode(OTHER), Received(PLAIN), Received(OTHER)),
}
GARBAGE = b"\x00\xff\x13\xa5\x55garbage;\r\n"


def test_every_receiver_of_the_folder_is_examined() -> None:
    assert sorted(WRITTEN) == receivers.kinds()


@pytest.mark.parametrize("kind", WRITTEN)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_frames_are_heard_in_any_pieces(kind: str, size: int) -> None:
    first, second, *heard = WRITTEN[kind]
    stream, octets = receivers.stream(kind), first + second + first
    found = [one for at in range(0, len(octets), size) for one in stream.feed(octets[at : at + size])]
    assert found == [heard[0], heard[1], heard[0]]
    assert stream.dropped == 0


@pytest.mark.parametrize("kind", WRITTEN)
def test_a_frame_behind_garbage_is_heard(kind: str) -> None:
    first, second, *heard = WRITTEN[kind]
    stream = receivers.stream(kind)
    found = stream.feed(first) + stream.feed(GARBAGE) + stream.feed(second + first + second + first)
    assert found[0] == heard[0]
    assert heard[1] in found[1:]
    assert found[-1] == heard[0]
    assert stream.dropped > 0


@pytest.mark.parametrize("kind", WRITTEN)
def test_noise_raises_nothing_and_is_forgotten(kind: str) -> None:
    chance = random.Random(7)
    stream = receivers.stream(kind)
    for _ in range(2_000):
        stream.feed(chance.randbytes(chance.randrange(1, 60)))
    assert stream.dropped > 0
    found = stream.feed(WRITTEN[kind][0] * 30)
    assert WRITTEN[kind][2] in found


def test_an_im871a_message_with_a_wrong_crc_is_dropped() -> None:
    octets = bytearray(im871a.encode(PLAIN))
    octets[9] ^= 1
    assert im871a.Stream().feed(bytes(octets) + im871a.encode(OTHER)) == [Received(OTHER)]


def test_an_im871a_answer_to_a_command_is_no_telegram() -> None:
    assert im871a.Stream().feed(bytes.fromhex("a5010200") + im871a.encode(PLAIN)) == [Received(PLAIN)]


def test_what_im871a_adds_is_cut_off() -> None:
    message = bytes((0x62, 0x03, len(PLAIN) - 1)) + PLAIN[1:] + bytes(4) + b"\x33"  # time and signal strength
    assert im871a.Stream().feed(b"\xa5" + message) == [Received(PLAIN)]


def test_slip_escapes_are_undone() -> None:
    assert b"\xdb\xdc" in iu891a.encode(OTHER)
    assert b"\xdb\xdd" in iu891a.encode(OTHER)
    assert iu891a.Stream().feed(iu891a.encode(OTHER, -70)) == [Received(OTHER, -70)]


def test_a_transparent_amber_telegram_is_heard() -> None:
    assert amb8465.Stream().feed(PLAIN + OTHER) == [Received(PLAIN), Received(OTHER)]


def test_the_crcs_of_a_cul_are_checked_behind_it() -> None:
    with_crcs = frame.encode(frame.decode(PLAIN), "A")
    (heard,) = cul.Stream().feed(b"b" + with_crcs.hex().encode() + b"2EC8\r\n")
    assert heard == Received(with_crcs, -102)
    assert frame.decode(heard.octets) == frame.decode(PLAIN)
    with_crcs = frame.encode(frame.decode(PLAIN), "B")
    (heard,) = cul.Stream().feed(b"bY" + with_crcs.hex().encode() + b"\n")
    assert frame.decode(heard.octets) == frame.decode(PLAIN)


@pytest.mark.parametrize(
    "line", ["T1;0;1;x;97;148;1;0x1844", "T1;1;0;x;97;148;1;0x1844", "T1;1;1;x", "", "T1;1;1;x;97;148;1;0x18zz"]
)
def test_an_rtl_wmbus_line_that_is_not_right_says_nothing(line: str) -> None:
    assert rtl_wmbus.Stream().feed(line.encode() + b"\n") == []


def test_the_crc_of_the_dongles_is_x_25() -> None:
    assert receivers.ccitt(b"123456789") == bytes.fromhex("6e90")
