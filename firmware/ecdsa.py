"""Did the owner of this key sign this digest? ECDSA on the curve P-256 (FIPS 186-5, SEC 1), in whole numbers.

Verification only: nothing here is secret, so nothing has to take the same time. It gives way to others after every
few bits of the multipliers. On the machine of the tests it takes 6 ms, in slices of up to 0.12 ms. Estimate for an
ESP32 at 240 MHz: 100 times as long for bytecode, up to 400 times for its 16-bit digits of whole numbers, so 0.6 s to
2.4 s in all, and no slice over 50 ms. (No chip has been measured.)
"""

import asyncio

# SEC 2, 2.4.2: the field, a = -3, b, the order, and the base point.
_P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
_NOWHERE = (1, 1, 0)  # the point at infinity; points are (X, Y, Z) with x = X/Z**2, y = Y/Z**3
_STEPS = 4  # bits between two pauses


def is_on_curve(point: tuple) -> bool:
    """Whether (x, y) is a point that a public key may be. (The curve has no small subgroups: that is all.)"""
    x, y = point
    return 0 <= x < _P and 0 <= y < _P and (y * y - (x * x - 3) * x - _B) % _P == 0


async def verify(point: tuple, digest: bytes, signature: bytes) -> bool:
    """``point`` is the public key (x, y); ``digest`` has 32 bytes; ``signature`` is r and s, 32 bytes each."""
    if len(digest) != 32 or len(signature) != 64 or not is_on_curve(point):
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if not 0 < r < _N or not 0 < s < _N:
        return False
    w = await _inverse(s)
    total = await _sum(int.from_bytes(digest, "big") * w % _N, r * w % _N, point)
    return _has_x(total, r) or (r < _P - _N and _has_x(total, r + _N))


def _has_x(point: tuple, x: int) -> bool:
    """Compared without a division: x = X/Z**2."""
    square = point[2] * point[2] % _P
    return square != 0 and x * square % _P == point[0]


async def _inverse(number: int) -> int:
    """1 / ``number`` modulo the order, by Euclid's algorithm."""
    low, high, left, right, steps = number, _N, 1, 0, 0
    while low > 1:
        quotient = high // low
        high, low = low, high - quotient * low
        right, left = left, right - quotient * left
        steps += 1
        if not steps % 16:
            await asyncio.sleep(0)
    return left % _N


async def _sum(u: int, v: int, point: tuple) -> tuple:
    """Return u * G + v * ``point``, one bit of each multiplier at a time (Shamir's trick).

    Two bits at a time were no faster here, and took 3 KB for the table of their sums.
    """
    base, key = (_G[0], _G[1], 1), (point[0], point[1], 1)
    table = (_NOWHERE, key, base, _add(base, key))
    total = _NOWHERE
    for shift in range(255, -1, -1):
        total = _double(total)
        place = (u >> shift & 1) << 1 | v >> shift & 1
        if place:
            total = _add(total, table[place])
        if not shift % _STEPS:
            await asyncio.sleep(0)
    return total


def _double(point: tuple) -> tuple:
    x, y, z = point
    if not z:  # no point of P-256 has y = 0: its order is odd
        return _NOWHERE
    square_y, square_z = y * y % _P, z * z % _P
    s = 4 * x * square_y % _P
    m = 3 * (x - square_z) * (x + square_z) % _P
    doubled = (m * m - 2 * s) % _P
    return doubled, (m * (s - doubled) - 8 * square_y * square_y) % _P, 2 * y * z % _P


def _add(one: tuple, other: tuple) -> tuple:
    if not one[2]:
        return other
    if not other[2]:
        return one
    square_one, square_other = one[2] * one[2] % _P, other[2] * other[2] % _P
    u, h = one[0] * square_other % _P, other[0] * square_one % _P
    s, r = one[1] * square_other * other[2] % _P, other[1] * square_one * one[2] % _P
    h, r = (h - u) % _P, (r - s) % _P
    if not h:
        return _NOWHERE if r else _double(one)
    square_h = h * h % _P
    cube_h, u = square_h * h % _P, u * square_h % _P
    x = (r * r - cube_h - 2 * u) % _P
    return x, (r * (u - x) - s * cube_h) % _P, h * one[2] * other[2] % _P
