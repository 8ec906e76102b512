"""How much dust does a Sensirion SPS30 see? Ten floats, of which the mass concentrations are ours.

The maker's datasheet, from memory; the maker's own client agrees with it (hil_tests/test_foreign_air.py).
"""

import struct

from firmware.drivers import DriverError, shdlc

# The serial line: SEL pin open, 115200 8N1.
BAUD = 115200
START, STOP, READ, CLEAN = 0x00, 0x01, 0x03, 0x56
REQUEST_START = shdlc.request(START, b"\x01\x03")  # measure, big-endian floats
REQUEST_STOP = shdlc.request(STOP)
REQUEST_READ = shdlc.request(READ)
REQUEST_CLEAN = shdlc.request(CLEAN)
ANSWER_SIZE = 47  # no octet escaped; what is escaped comes on top

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
