"""A connection that does not come about has a reason an operator can act on."""

import errno

from firmware.refusal import EPIPE, ends_s, reason


def test_each_certificate_that_the_node_does_not_accept_is_named():
    for theirs, ours in (
        ("\nThe certificate validity has expired\n", "the broker's certificate has expired"),
        ("\nThe certificate validity starts in the future\n", "the broker's certificate is not valid yet"),
        ("\nThe certificate Common Name (CN) does not match with the expected CN\n", "has another name"),
        ("\nThe certificate is not correctly signed by the trusted CA\n", "is not signed by our authority"),
    ):
        assert ours in reason(ValueError(theirs), False, False), theirs


def test_a_broker_that_hangs_up_on_connect_refuses_our_certificate():
    hung_up = OSError(EPIPE)
    assert reason(hung_up, False, True) == "the broker refuses our certificate: it has expired"
    assert reason(hung_up, False, False) == "the broker refuses our certificate: revoked, or of another authority?"
    assert "certificate" not in reason(hung_up, True, False), "later, it is only a broken connection"


def test_what_the_network_says_is_said_in_words():
    assert reason(OSError(errno.ECONNREFUSED), False, False) == "nobody listens there"
    assert reason(ValueError("packet type 4"), False, False) == "packet type 4"
    assert reason(ValueError(), False, False) == "ValueError"


def test_the_end_of_a_certificate_is_read_from_its_octets():
    validity = b"\x02\x01\x07\x30\x1e\x17\x0d260101000000Z\x17\x0d"
    for text, seconds in (
        (b"261123210619Z", 1795467979),
        (b"280229235959Z", 1835481599),
        (b"490101000000Z", 2493072000),
        (b"000301000000Z", 951868800),
    ):
        assert ends_s(validity + text) == seconds, text
    assert ends_s(b"") == 0
    assert ends_s(validity + b"2611") == 0
    assert ends_s(validity + b"26x123210619Z") == 0
