"""Link frames: bytes to frame and back, and what is refused."""

import pytest

from edge.errors import DeviceError
from edge.mbus import frame
from edge.mbus.frame import Frame

SHORT = bytes.fromhex("105b015c16")
LONG = bytes.fromhex("680606680801780102038716")


def test_a_short_frame_is_five_bytes_both_ways() -> None:
    assert frame.encode(Frame(0x5B, 1)) == SHORT
    assert frame.decode(SHORT) == Frame(0x5B, 1)


def test_a_long_frame_counts_its_bytes_twice_both_ways() -> None:
    octets = frame.encode(Frame(0x08, 1, 0x78, b"\x01\x02\x03"))
    assert octets == bytes.fromhex("68060668080178010203" + "87" + "16")
    assert frame.decode(octets) == Frame(0x08, 1, 0x78, b"\x01\x02\x03")


def test_the_size_is_unknown_until_the_count_has_come() -> None:
    assert [frame.size_of(LONG[:count]) for count in (0, 1, 3, 4)] == [0, 0, 0, 12]
    assert frame.size_of(SHORT[:1]) == 5
    assert frame.size_of(b"\xe5") == 1


def test_more_than_255_counted_bytes_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="at most 255"):
        frame.encode(Frame(0x08, 1, 0x78, bytes(253)))


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        ("105b015d16", "checksum 5d, expected 5c"),
        ("105b015c17", "stop character 17"),
        ("105b015c", "expected 5"),
        ("ff", "no start character"),
        ("68030468", "malformed start"),
        ("68020268", "malformed start"),
        ("e5", "carries nothing"),
        ("", "expected a whole frame"),
    ],
)
def test_a_broken_frame_is_refused_with_its_reason(octets: str, reason: str) -> None:
    with pytest.raises(DeviceError, match=reason):
        frame.decode(bytes.fromhex(octets))
