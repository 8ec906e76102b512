"""Formats of compact frames: brought by format frames, and compact frames behind headers and encryption."""

import pytest

from edge.errors import DeviceError
from edge.keys import Keys
from edge.mbus.value import Number
from edge.wmbus import frame, security
from edge.wmbus.compact import compact
from edge.wmbus.frame import SND_NR, Frame
from edge.wmbus.telegram import Heard, Listener

KEY = bytes(range(16))
ADDRESS = frame.address("KAM", "76348799", 0x1B, 0x16)
RECORDS = bytes.fromhex("0413e80300004413d0070000")  # 1.000 m3 now, 2.000 m3 stored
FIELDS = bytes.fromhex("04134413")  # of RECORDS
FORMAT = bytes((2 + len(FIELDS),)) + frame.crc(FIELDS).to_bytes(2, "little") + FIELDS
SHORT, LONG = bytes.fromhex("2a000000"), ADDRESS[2:6] + ADDRESS[:2] + ADDRESS[6:] + bytes.fromhex("2a000000")
HEADERS = {"none": (0x69, 0x79, b""), "short": (0x6A, 0x7B, SHORT), "long": (0x6B, 0x73, LONG)}


@pytest.fixture
def listener() -> Listener:
    return Listener(Keys({"76348799": KEY}))


def heard(listener: Listener, payload: bytes) -> Heard:
    return listener.hear(Frame(SND_NR, ADDRESS, payload))


@pytest.mark.parametrize("header", HEADERS)
def test_a_format_frame_teaches_what_compact_frames_name(listener: Listener, header: str) -> None:
    of_format, of_compact, head = HEADERS[header]
    small = bytes((of_compact,)) + head + compact(RECORDS)
    assert heard(listener, small).state == "unknown_format"
    assert heard(listener, bytes((of_format,)) + head + FORMAT).telegram.records == ()
    found = heard(listener, small)
    assert [one.value for one in found.telegram.records] == [Number(1000, -3), Number(2000, -3)]
    assert found.telegram.identification == "76348799"


@pytest.mark.parametrize("last", [b"\x00", b"\x2f"], ids=["", "a value that ends like a filler"])
def test_an_encrypted_compact_frame_is_opened_first(listener: Listener, last: bytes) -> None:
    heard(listener, b"\x69" + FORMAT)
    plain = security.CHECK + compact(RECORDS[:-1] + last)
    plain += b"\x2f" * (-len(plain) % 16)
    hidden = security.hide_mode5(KEY, ADDRESS, 0x2A, plain)
    found = heard(listener, bytes.fromhex("7b2a001005") + hidden)
    assert (found.state, len(found.telegram.records)) == ("decrypted", 2)


BROKEN = {
    "the signature is not that of its 4 bytes": FORMAT[:-1] + b"\x14",
    "the signature is not that of its 0 bytes": b"",
    "truncated in the record at byte 2": b"\x05" + frame.crc(b"\x04\x13\x44").to_bytes(2, "little") + b"\x04\x13\x44",
    "plain text at byte 0 is not read": b"\x04" + frame.crc(b"\x04\x7c").to_bytes(2, "little") + b"\x04\x7c",
}


@pytest.mark.parametrize("message", BROKEN)
def test_a_broken_format_frame_says_where(listener: Listener, message: str) -> None:
    with pytest.raises(DeviceError, match=message):
        heard(listener, b"\x69" + BROKEN[message])
