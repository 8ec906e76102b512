"""How does mode T put bytes on the air? Each half byte as six bits, three of them ones (EN 13757-4 6.4)."""

from edge.errors import DeviceError

_CODE = (0x16, 0x0D, 0x0E, 0x0B, 0x1C, 0x19, 0x1A, 0x13, 0x2C, 0x25, 0x26, 0x23, 0x34, 0x31, 0x32, 0x29)
_NIBBLE = {code: nibble for nibble, code in enumerate(_CODE)}


def encode(octets: bytes) -> bytes:
    """The bits as a receiver of raw data hands them on, filled up with zeros to whole bytes."""
    bits = "".join(f"{_CODE[octet >> 4]:06b}{_CODE[octet & 0x0F]:06b}" for octet in octets)
    bits += "0" * (-len(bits) % 8)
    return int(bits or "0", 2).to_bytes(len(bits) // 8, "big")


def decode(raw: bytes) -> bytes:
    """Whole bytes as far as the bits go; DeviceError at a code that is none."""
    bits = int.from_bytes(raw, "big") if raw else 0
    total = 8 * len(raw)
    octets = bytearray()
    for at in range(0, total - 11, 12):
        pair = bits >> (total - at - 12) & 0xFFF
        high, low = _NIBBLE.get(pair >> 6), _NIBBLE.get(pair & 0x3F)
        if high is None or low is None:
            raise DeviceError(f"radio frame: no 3-of-6 code at bit {at}")
        octets.append(high << 4 | low)
    return bytes(octets)
