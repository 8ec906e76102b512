"""Why did this connection not come about? mbedTLS, errno and return codes in words an operator can act on."""

import errno

EPIPE = 32  # MicroPython's errno has no name for it

_OF_BROKER = (  # what mbedTLS says of a certificate it does not accept (x509.h)
    ("validity has expired", "the broker's certificate has expired"),
    ("starts in the future", "the broker's certificate is not valid yet: is the clock right?"),
    ("CN) does not match", "the broker's certificate has another name"),
    ("not correctly signed", "the broker's certificate is not signed by our authority"),
)
_OF_NETWORK = {
    errno.ECONNREFUSED: "nobody listens there",
    errno.EHOSTUNREACH: "no way to the broker",
    errno.ETIMEDOUT: "no answer",
}


def reason(error, is_greeted: bool, is_expired: bool) -> str:
    """``is_greeted``: CONNECT was written, so TLS had opened; ``is_expired``: the validity of our own certificate."""
    text = str(error)
    for theirs, ours in _OF_BROKER:
        if theirs in text:
            return ours
    number = error.args[0] if error.args else None
    if number in (EPIPE, errno.ECONNRESET) and not is_greeted:
        # TLS 1.2: the broker judges our certificate after the handshake looks finished to us, and hangs up.
        if is_expired:
            return "the broker refuses our certificate: it has expired"
        return "the broker refuses our certificate: revoked, or of another authority?"
    named = _OF_NETWORK.get(number) if isinstance(error, OSError) and number else None
    return named or text.strip() or error.__class__.__name__


def ends_s(certificate: bytes) -> int:
    """When the validity of a DER certificate ends, in seconds since 1970 UTC; 0 where that can't be read.

    RFC 5280 4.1.2.5: two UTCTimes, YYMMDDhhmmssZ, until 2049.
    """
    start = certificate.find(b"\x30\x1e\x17\x0d")
    text = certificate[start + 19 : start + 31] if start >= 0 else b""
    if len(text) != 12 or not text.isdigit():
        return 0
    year, month, day, hour, minute, second = [int(text[at : at + 2]) for at in range(0, 12, 2)]
    # Days from 1970-03-01, in years that begin in March, so that the leap day is the last of its year.
    year += 30 - (month < 3)
    days = 365 * year + (year + 2) // 4 + (153 * ((month - 3) % 12) + 2) // 5 + day - 1 + 59
    return ((days * 24 + hour) * 60 + minute) * 60 + second
