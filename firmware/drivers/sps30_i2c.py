"""How does an SPS30 talk on I2C? The same floats as on its serial line, as words with checksums.

The maker's datasheet, from memory; no foreign client was at hand for this bus. SEL pin on ground; the sensor wants a
pause between a command and its answer, and knows no repeated start.
"""

from firmware.drivers import sensirion

ADDRESS = 0x69
START = sensirion.command(0x0010, 0x0300)  # big-endian floats
STOP = sensirion.command(0x0104)
IS_READY = sensirion.command(0x0202)
READ = sensirion.command(0x0300)
CLEAN = sensirion.command(0x5607)
SIZE = 60


def data(octets: bytes | None) -> bytes:
    """What ``firmware.drivers.sps30.concentrations`` takes. Raises DriverError."""
    return b"".join([bytes((word >> 8, word & 0xFF)) for word in sensirion.words(octets, 20)])


def is_ready(octets: bytes | None) -> bool:
    """Whether there is a new measurement. Raises DriverError."""
    return sensirion.words(octets, 1)[0] == 1
