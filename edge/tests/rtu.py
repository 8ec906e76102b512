"""How does a test's meter close an RTU frame?"""


def crc(octets: bytes) -> bytes:
    remainder = 0xFFFF
    for octet in octets:
        remainder ^= octet
        for _ in range(8):
            remainder = remainder >> 1 ^ (0xA001 if remainder & 1 else 0)
    return remainder.to_bytes(2, "little")
