"""What stands in a radio frame? The link layer of EN 13757-4: formats A and B, with their CRCs or without.

Receivers differ: some hand on the CRCs, most strip them. Symmetric: the virtual radio encodes with the same code.
"""

from typing import Literal, NamedTuple

from edge.errors import DeviceError
from edge.mbus.telegram import manufacturer_code, manufacturer_name, medium_name

SND_NR = 0x44  # C field: a meter sends without being asked
_HEADER = 10  # L, C, M, A: the first block
_BLOCK = 16  # of format A behind the first
_LONGEST_B = 126  # bytes of the second block of format B, header included, without its CRC

Format = Literal["A", "B"]


class Frame(NamedTuple):
    """One link frame; ``payload`` begins with the CI field. ``address`` is M, A as sent: 8 bytes."""

    control: int
    address: bytes
    payload: bytes

    @property
    def manufacturer(self) -> str:
        return manufacturer_name(int.from_bytes(self.address[:2], "little"))

    @property
    def identification(self) -> str:
        return self.address[2:6][::-1].hex()

    @property
    def version(self) -> int:
        return self.address[6]

    @property
    def medium(self) -> str:
        return medium_name(self.address[7])


def address(manufacturer: str, identification: str, version: int, medium: int) -> bytes:
    """The eight bytes of M and A."""
    return (
        manufacturer_code(manufacturer).to_bytes(2, "little")
        + bytes.fromhex(identification)[::-1]
        + bytes((version, medium))
    )


def decode(octets: bytes) -> Frame:
    """Of the bytes from the L field on; DeviceError says where they are broken."""
    plain = _plain(octets)
    if len(plain) < _HEADER + 1:
        raise DeviceError(f"radio frame: {len(plain)} bytes, at least {_HEADER + 1} make one")
    return Frame(plain[1], plain[2:_HEADER], plain[_HEADER:])


def encode(frame: Frame, crc: Format | None = None) -> bytes:
    """As a meter sends it in format A or B; without CRCs, as most receivers hand it on."""
    body = bytes((frame.control,)) + frame.address + frame.payload
    if crc == "B":
        return _encode_b(body)
    if len(body) > 255:
        raise DeviceError(f"radio frame: {len(body)} bytes, at most 255 fit")
    plain = bytes((len(body),)) + body
    if crc is None:
        return plain
    blocks = [plain[:_HEADER], *(plain[at : at + _BLOCK] for at in range(_HEADER, len(plain), _BLOCK))]
    return b"".join(block + _crc_octets(block) for block in blocks)


def crc(octets: bytes) -> int:
    """CRC-16/EN-13757: polynomial 3D65, complemented."""
    value = 0
    for octet in octets:
        value = value << 8 & 0xFFFF ^ _TABLE[value >> 8 ^ octet]
    return value ^ 0xFFFF


def size_with_crcs(length: int) -> int:
    """Bytes of a format A frame with this L field, CRCs included."""
    return 1 + length + 2 * (1 + -(-(length + 1 - _HEADER) // _BLOCK))


def _plain(octets: bytes) -> bytes:
    """The frame without CRCs, its L field as it came; DeviceError when a CRC is wrong."""
    if len(octets) < 2:
        raise DeviceError(f"radio frame: truncated, {len(octets)} bytes")
    length = octets[0]
    if length + 1 == len(octets):
        return _without_crcs_of_b(octets) or octets
    if size_with_crcs(length) == len(octets):
        return _without_crcs_of_a(octets)
    raise DeviceError(f"radio frame: L field says {length + 1} bytes, there are {len(octets)}")


def _without_crcs_of_a(octets: bytes) -> bytes:
    plain, at, size = b"", 0, _HEADER
    while at < len(octets):
        block = octets[at : at + size]
        found = octets[at + size : at + size + 2]
        if len(found) < 2:  # the last block is as long as what is left
            block, found = octets[at:-2], octets[-2:]
        if found != _crc_octets(block):
            raise DeviceError(
                f"radio frame: CRC of the block at byte {at} is {found.hex()}, not {_crc_octets(block).hex()}"
            )
        plain += block
        at, size = at + len(block) + 2, _BLOCK
    return plain


def _without_crcs_of_b(octets: bytes) -> bytes:
    """Empty when its last bytes are no CRC: then somebody stripped it and corrected the L field."""
    first, rest = octets[: _LONGEST_B + 2], octets[_LONGEST_B + 2 :]
    if len(first) < _HEADER + 3 or first[-2:] != _crc_octets(first[:-2]):
        return b""
    if rest and (len(rest) < 3 or rest[-2:] != _crc_octets(rest[:-2])):
        return b""
    return first[:-2] + rest[:-2]


def _encode_b(body: bytes) -> bytes:
    split = _LONGEST_B - 1
    crcs = 2 if len(body) <= split else 4
    length = len(body) + crcs
    if length > 255:
        raise DeviceError(f"radio frame: {len(body)} bytes, at most 251 fit format B")
    first, rest = bytes((length,)) + body[:split], body[split:]
    return first + _crc_octets(first) + (rest + _crc_octets(rest) if rest else b"")


def _crc_octets(octets: bytes) -> bytes:
    return crc(octets).to_bytes(2, "big")


def _entry(value: int) -> int:
    value <<= 8
    for _ in range(8):
        value = value << 1 ^ (0x3D65 if value & 0x8000 else 0)
    return value & 0xFFFF


_TABLE = [_entry(value) for value in range(256)]
