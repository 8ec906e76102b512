"""How are Modbus requests framed, seen from the server: RTU with its CRC, TCP with its MBAP header?"""

import struct


def crc(octets: bytes) -> bytes:
    """CRC-16 of Modbus over serial line V1.02 6.2.2, as it travels."""
    remainder = 0xFFFF
    for octet in octets:
        remainder ^= octet
        for _ in range(8):
            remainder = remainder >> 1 ^ (0xA001 if remainder & 1 else 0)
    return remainder.to_bytes(2, "little")


def request_of_rtu(octets: bytes) -> int:
    """How many bytes a read request takes; -1 for functions that are not served."""
    if len(octets) < 2:
        return 0
    return 8 if octets[1] in (1, 2, 3, 4, 5, 6) else -1


def request_of_mbap(head: bytes) -> tuple[int, int]:
    """Unit id, and how many bytes of PDU follow the seven of the header; ValueError when it is not Modbus."""
    _, protocol, length, unit_id = struct.unpack(">HHHB", head)
    if protocol or not 2 <= length <= 254:
        raise ValueError("not a Modbus TCP header")
    return unit_id, length - 1


def mbap(head: bytes, pdu: bytes) -> bytes:
    """The answer to the request with this header."""
    return head[:4] + struct.pack(">H", len(pdu) + 1) + head[6:7] + pdu
