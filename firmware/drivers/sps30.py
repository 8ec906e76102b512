"""How much dust does a Sensirion SPS30 see? Ten floats, over SHDLC or over I2C; the mass concentrations are ours.

The maker's datasheet, from memory; the maker's own client agrees with it (hil_tests/test_foreign_air.py).
"""

import struct

from firmware.drivers import DriverError, sensirion, shdlc

# ---- serial line: SEL pin open, 115200 8N1
BAUD = 115200
START, STOP, READ, CLEAN = 0x00, 0x01, 0x03, 0x56
REQUEST_START = shdlc.request(START, b"\x01\x03")  # measure, big-endian floats
REQUEST_STOP = shdlc.request(STOP)
REQUEST_READ = shdlc.request(READ)
REQUEST_CLEAN = shdlc.request(CLEAN)
ANSWER_SIZE = 47  # no octet escaped; what is escaped comes on top

# ---- I2C: SEL pin on ground; a pause between a command and its answer
ADDRESS = 0x69
I2C_START = sensirion.command(0x0010, 0x0300)
I2C_STOP = sensirion.command(0x0104)
I2C_IS_READY = sensirion.command(0x0202)
I2C_READ = sensirion.command(0x0300)
I2C_CLEAN = sensirion.command(0x5607)
I2C_SIZE = 60

WARM_UP_MS = 30000  # 8 s in dusty air, 30 s in clean
CLEANING_MS = 12000  # 10 s at full speed; the airflow needs a moment after it
CLEAN_EVERY_S = 604800  # a week; the sensor's own count is lost with its power
LIFE_H = 87600  # more than 10 years of continuous operation
_QUANTITIES = ("pm1", "pm2_5", "pm4", "pm10")


def concentrations(data: bytes) -> dict:
    """{quantity: (hundredths of ug/m3, -2)} of the data of an SHDLC answer. Raises DriverError."""
    if not data:
        raise DriverError("not_ready")  # nothing new since the last question
    if len(data) != 40:
        raise DriverError("bad_length")
    values = {}
    for name, number in zip(_QUANTITIES, struct.unpack(">4f", data[:16])):
        if not 0 <= number < 100000:  # also what is not a number
            raise DriverError("bad_value")
        values[name] = (int(number * 100 + 0.5), -2)
    return values


def i2c_data(octets: bytes | None) -> bytes:
    """The same data out of an I2C answer. Raises DriverError."""
    return b"".join([bytes((word >> 8, word & 0xFF)) for word in sensirion.words(octets, 20)])


def i2c_is_ready(octets: bytes | None) -> bool:
    """Whether there is a new measurement. Raises DriverError."""
    return sensirion.words(octets, 1)[0] == 1
