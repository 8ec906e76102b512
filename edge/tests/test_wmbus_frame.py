"""The link layer of wireless M-Bus, bytes and values both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from edge.errors import DeviceError
from edge.wmbus import frame, three_of_six
from edge.wmbus.frame import SND_NR, Frame

ADDRESS = frame.address("SEN", "33225544", 0x68, 0x07)
PLAIN = bytes.fromhex("1844ae4c4455223368077a55000000041389e20100023b0000")
FRAME = Frame(SND_NR, ADDRESS, PLAIN[10:])
PAYLOADS = some.binary(min_size=1, max_size=200)


def test_the_crc_is_that_of_the_standard() -> None:
    assert frame.crc(b"123456789") == 0xC2B7


def test_a_frame_without_crcs_is_read() -> None:
    read = frame.decode(PLAIN)
    assert read == FRAME
    assert (read.manufacturer, read.identification, read.version, read.medium) == ("SEN", "33225544", 104, "water")


@pytest.mark.parametrize("crc", [None, "A", "B"])
def test_what_was_sent_in_a_format_is_read_back(crc: frame.Format | None) -> None:
    assert frame.decode(frame.encode(FRAME, crc)) == FRAME


@given(PAYLOADS, some.sampled_from([None, "A", "B"]))
def test_every_length_is_read_back(payload: bytes, crc: frame.Format | None) -> None:
    sent = Frame(SND_NR, ADDRESS, payload)
    assert frame.decode(frame.encode(sent, crc)) == sent


@pytest.mark.parametrize("place", [0, 5, 10, 12, 20, -1])
def test_a_wrong_bit_in_format_a_is_found(place: int) -> None:
    octets = bytearray(frame.encode(FRAME, "A"))
    octets[place] ^= 0x10
    with pytest.raises(DeviceError, match="radio frame: "):
        frame.decode(bytes(octets))


def test_the_block_with_the_wrong_crc_is_named() -> None:
    octets = bytearray(frame.encode(FRAME, "A"))
    octets[15] ^= 1
    with pytest.raises(DeviceError, match="CRC of the block at byte 12 is"):
        frame.decode(bytes(octets))


@pytest.mark.parametrize("octets", [b"", b"\x18", PLAIN[:-1], PLAIN + b"\x00", b"\x05\x44\xae\x4c\x44\x55"])
def test_a_truncated_or_overlong_frame_says_so(octets: bytes) -> None:
    with pytest.raises(DeviceError, match="radio frame: "):
        frame.decode(octets)


def test_too_much_for_one_frame_is_refused() -> None:
    for crc in (None, "B"):
        with pytest.raises(DeviceError, match="at most 25"):
            frame.encode(Frame(SND_NR, ADDRESS, bytes(300)), crc)  # type: ignore[arg-type]  # both are formats


def test_three_of_six_has_three_ones_in_each_code() -> None:
    assert three_of_six.encode(b"\x0f") == bytes.fromhex("5a90")  # 010110 101001
    assert three_of_six.decode(bytes.fromhex("5a90")) == b"\x0f"


@given(some.binary(max_size=64))
def test_three_of_six_comes_back(octets: bytes) -> None:
    assert three_of_six.decode(three_of_six.encode(octets))[: len(octets)] == octets


def test_a_code_that_is_none_is_refused() -> None:
    with pytest.raises(DeviceError, match="no 3-of-6 code at bit 12"):
        three_of_six.decode(three_of_six.encode(b"\x0f")[:1] + b"\x90\xff\xff")
