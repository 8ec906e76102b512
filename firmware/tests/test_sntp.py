"""An answer of a time server is believed only when it fits the question and the age of the firmware."""

import struct

from firmware import BUILT_S
from firmware.sntp import request, told

NONCE = b"\x01\x02\x03\x04\x05\x06\x07\x08"
SINCE_1900 = 2208988800
NOW_S = BUILT_S + 1000


def answer(seconds: int = NOW_S, fraction: int = 1 << 31, head: bytes = b"\x24\x03", nonce: bytes = NONCE) -> bytes:
    stamp = struct.pack(">II", (seconds + SINCE_1900) & 0xFFFFFFFF, fraction)
    return head + bytes(22) + nonce + stamp + stamp


def test_a_question_is_48_octets_of_a_client_that_carry_the_nonce():
    asked = request(NONCE)
    assert (len(asked), asked[0] & 7, asked[0] >> 3, asked[40:]) == (48, 3, 4, NONCE)


def test_the_time_is_read_to_the_millisecond():
    assert told(answer(), NONCE) == NOW_S * 1000 + 500
    assert told(answer(fraction=4294967295), NONCE) == NOW_S * 1000 + 999


def test_the_era_that_begins_in_2036_is_understood():
    assert told(answer(seconds=2100000000), NONCE) == 2100000000500


def test_what_can_not_be_believed_is_no_time():
    assert told(answer(nonce=b"12345678"), NONCE) is None, "an answer to somebody else"
    assert told(answer()[:47], NONCE) is None, "truncated"
    assert told(answer(head=b"\x23\x03"), NONCE) is None, "a question"
    assert told(answer(head=b"\xe4\x03"), NONCE) is None, "a server whose clock is not synchronised"
    assert told(answer(head=b"\x24\x00"), NONCE) is None, "kiss-o'-death"
    assert told(answer(head=b"\x24\x10"), NONCE) is None, "stratum 16"
    assert told(answer(seconds=BUILT_S - 1), NONCE) is None, "before this firmware was built"
