"""Our verification agrees with another's, on a thousand keys and messages and as many tampered ones."""

import asyncio
import random

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature, encode_dss_signature

from firmware import ecdsa

PREHASHED = ec.ECDSA(Prehashed(hashes.SHA256()))


def theirs(key: ec.EllipticCurvePublicKey, digest: bytes, r: int, s: int) -> bool:
    try:
        key.verify(encode_dss_signature(r, s), digest, PREHASHED)
    except InvalidSignature:
        return False
    return True


def ours(key: ec.EllipticCurvePublicKey, digest: bytes, r: int, s: int) -> bool:
    numbers = key.public_numbers()
    octets = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return asyncio.run(ecdsa.verify((numbers.x, numbers.y), digest, octets))


def test_a_thousand_random_signatures_are_right_and_wrong_where_theirs_are() -> None:
    chance = random.Random(20261123)
    tampered = 0
    for number in range(1000):
        scalar = number + 1 if number < 20 else ecdsa._N - number if number < 40 else chance.randrange(1, ecdsa._N)
        private = ec.derive_private_key(scalar, ec.SECP256R1())
        digest = chance.randbytes(32) if number % 50 else bytes([255 * (number // 50 % 2)] * 32)
        r, s = decode_dss_signature(private.sign(digest, PREHASHED))
        assert ours(private.public_key(), digest, r, s), (scalar, digest, r, s)
        wrong = [r, s]
        wrong[number % 2] ^= 1 << chance.randrange(256)
        wrong_is_right = theirs(private.public_key(), digest, *wrong)
        assert ours(private.public_key(), digest, *wrong) == wrong_is_right
        tampered += not wrong_is_right
    assert tampered == 1000


EDGES = [0, 1, 2, ecdsa._N - 1, ecdsa._N, ecdsa._N + 1, ecdsa._P - 1, ecdsa._P, 2**255, 2**256 - 1]


@pytest.mark.parametrize("r", EDGES)
def test_at_the_edges_of_every_range_we_agree(r: int) -> None:
    for scalar in (1, 2, ecdsa._N - 1, 0xC0FFEE):
        key = ec.derive_private_key(scalar, ec.SECP256R1()).public_key()
        for s in EDGES:
            for digest in (bytes(32), b"\xff" * 32, (r % 2**256).to_bytes(32, "big")):
                assert ours(key, digest, r, s) == theirs(key, digest, r, s), (scalar, s, digest)
