"""How much CO2 does a Sensirion SCD41 see? Three words with checksums, every five seconds.

The maker's datasheet, from memory; the maker's own client agrees with it (hil_tests/test_foreign_air.py). Its own
temperature and humidity only serve its compensation: it warms itself. Self-calibration stays as delivered, on: outdoors
the air comes down to the background each week.
"""

from firmware.drivers import sensirion
from firmware.drivers.sensirion import command

ADDRESS = 0x62
START = command(0x21B1)
STOP = command(0x3F86)  # 500 ms later it listens again
IS_READY = command(0xE4B8)
READ = command(0xEC05)
READ_SIZE = 9
PAUSE_MS = 2  # between a command and its answer
STOP_MS = 500
WARM_UP_MS = 10000  # the first measurement after power on is thrown away
_MASK = 0x07FF


def pressure(hectopascal: int) -> bytes:
    """The command that tells it the air pressure, while it measures."""
    return command(0xE000, hectopascal)


def is_ready(octets: bytes | None) -> bool:
    """Whether there is a new measurement. Raises DriverError."""
    return bool(sensirion.words(octets, 1)[0] & _MASK)


def measurement(octets: bytes | None) -> dict:
    """{quantity: (integer, exponent)}: co2, temperature, relative_humidity. Raises DriverError."""
    co2, temperature, humidity = sensirion.words(octets, 3)
    return {
        "co2": (co2, 0),
        "temperature": ((17500 * temperature + 32767) // 65535 - 4500, -2),
        "relative_humidity": ((10000 * humidity + 32767) // 65535, -2),
    }
