"""How do Sensirion's I2C sensors write words? Two octets, high one first, and a checksum after each.

CRC-8 with polynomial 0x31, initial value 0xFF, as in the datasheets of the SPS30, SCD4x and SHT4x; BE EF gives 92.
"""

from firmware.drivers import DriverError


def crc8(octets: bytes) -> int:
    crc = 0xFF
    for octet in octets:
        crc ^= octet
        for _ in range(8):
            crc = (crc << 1 ^ 0x31) & 0xFF if crc & 0x80 else crc << 1
    return crc


def command(code: int, *arguments: int) -> bytes:
    """A command of 16 bits and the words that belong to it."""
    octets = bytes((code >> 8, code & 0xFF))
    for argument in arguments:
        word = bytes((argument >> 8, argument & 0xFF))
        octets += word + bytes((crc8(word),))
    return octets


def words(octets: bytes | None, count: int) -> list:
    """The words of an answer. Raises DriverError: no_answer, bad_length, bad_checksum."""
    if octets is None:
        raise DriverError("no_answer")
    if len(octets) != 3 * count:
        raise DriverError("bad_length")
    found = []
    for start in range(0, 3 * count, 3):
        if crc8(octets[start : start + 2]) != octets[start + 2]:
            raise DriverError("bad_checksum")
        found.append(octets[start] << 8 | octets[start + 1])
    return found
