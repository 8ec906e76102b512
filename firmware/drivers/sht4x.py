"""How warm and how humid is it, by a Sensirion SHT4x? Two words with checksums, 10 ms after the question.

The maker's datasheet, from memory; the maker's own client agrees with it (hil_tests/test_foreign_air.py). Near 0 % and
100 % the humidity may leave the scale by the sensor's tolerance; the datasheet allows to crop it.
"""

from firmware.drivers import sensirion

ADDRESS = 0x44
MEASURE = b"\xfd"  # high repeatability
SIZE = 6
PAUSE_MS = 10


def measurement(octets: bytes | None) -> dict:
    """{quantity: (hundredths, -2)}: temperature, relative_humidity. Raises DriverError."""
    temperature, humidity = sensirion.words(octets, 2)
    percent = (12500 * humidity + 32767) // 65535 - 600
    return {
        "temperature": ((17500 * temperature + 32767) // 65535 - 4500, -2),
        "relative_humidity": (min(max(percent, 0), 10000), -2),
    }
